// How the numbers of a trace are written, and what its states are called.
import type { StepBody } from '../api/schema'
import type { Mood } from '../ui/badge'
import { locale } from './time'
import type { Word } from './words'

const MICRO = 1_000_000

const STATES: Record<string, [Word, Mood]> = {
  done: ['why.done', 'good'],
  running: ['why.running', 'calm'],
  failed: ['why.failed', 'bad'],
  dropped: ['why.dropped', 'fair'],
}

/** A message that got no run was left alone. */
export function stateOf({ run_id: run, state }: Pick<StepBody, 'run_id' | 'state'>): [Word, Mood] {
  return (run ? STATES[state] : undefined) ?? ['why.silent', 'calm']
}

/** What the model was shown is stored with its answer: a run that has none yet, or never got one, says nothing of it. */
export const isRecorded = ({ prompt, state }: Pick<StepBody, 'prompt' | 'state'>): boolean =>
  Boolean(prompt) || (state !== 'running' && state !== 'dropped')

const SENT: Record<string, Word> = {
  placeholder: 'why.sent_placeholder',
  answer: 'why.sent_answer',
  apology: 'why.sent_apology',
  notice: 'why.sent_notice',
  file: 'why.sent_file',
}

export const sentWord = (kind: string): Word => SENT[kind] ?? 'why.sent_answer'

const SEND_STATES: Record<string, Word> = {
  sending: 'why.state_sending',
  sent: 'why.state_sent',
  dead: 'why.state_dead',
  dropped: 'why.state_dropped',
}

export const sendStateWord = (state: string): Word => SEND_STATES[state] ?? 'why.state_unknown'

/** Every day's answer costs a fraction of a cent: two digits that say something. */
export function costOf(microUsd: number): string {
  return (microUsd / MICRO).toLocaleString(locale(), { style: 'currency', currency: 'USD', maximumSignificantDigits: 2 })
}

export function scoreOf(score: number): string {
  return score.toLocaleString(locale(), { maximumFractionDigits: 1 })
}

export function count(number: number): string {
  return number.toLocaleString(locale())
}

export function lasting(milliseconds: number): string {
  if (milliseconds < 1_000) return `${count(Math.round(milliseconds))} ms`
  return `${(milliseconds / 1_000).toLocaleString(locale(), { maximumFractionDigits: 1 })} s`
}

/** `undefined` as long as one of the two is not known. */
export function between(from: string | null | undefined, to: string | null | undefined): number | undefined {
  return from && to ? Math.max(0, Date.parse(to) - Date.parse(from)) : undefined
}
