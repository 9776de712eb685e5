// What an approval shows: exactly what is sent, with nothing in it that can hide, and how much time is left.
import type { ApprovalBody, ToolBody } from '../api/schema'
import type { Mood } from '../ui/badge'
import type { Word } from './words'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const SOON_MS = 3 * MINUTE_MS

/** Letters that can't be seen, turn what follows around, or look like a line that is none. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu

/** As it is, but for what would deceive: that is written as its number. */
export function plain(text: string): string {
  return text.replace(HIDDEN, (letter) => `⟨U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
}

export interface Sent {
  name: string
  value: string
  /** Of a text; numbers and yes-or-no can't be mistaken for one. */
  isText: boolean
}

/** Each argument that is sent, in the order of the stored ones. */
export function sentOf(args: object): Sent[] {
  return Object.entries(args).map(([name, value]) => ({
    name: plain(name),
    value: plain(typeof value === 'string' ? value : JSON.stringify(value)),
    isText: typeof value === 'string',
  }))
}

/** Where it goes, as the tool is now: an approval of a tool that was changed since is void. */
export function whereOf(tool: ToolBody | undefined): string | undefined {
  return tool && `${tool.method.toUpperCase()} ${tool.url}`
}

export function left(expiresAt: string, now: number): number {
  return Math.max(0, Date.parse(expiresAt) - now)
}

/** `14:05` */
export function countdown(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / SECOND_MS)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

export const moodOfTime = (milliseconds: number): Mood => (milliseconds <= MINUTE_MS ? 'bad' : milliseconds <= SOON_MS ? 'fair' : 'good')

/** What became of it, in words and a colour. */
export function outcomeOf({ state, call_state: call }: Pick<ApprovalBody, 'state' | 'call_state'>): [Word, Mood] {
  if (state === 'denied') return ['approvals.denied', 'calm']
  if (state === 'expired') return ['approvals.expired', 'fair']
  if (call === 'done') return ['approvals.done', 'good']
  if (call === 'failed' || call === 'refused') return [call === 'failed' ? 'approvals.failed' : 'approvals.refused', 'bad']
  if (call === 'unknown') return ['approvals.unknown', 'bad']
  return state === 'waiting' ? ['approvals.waits', 'fair'] : ['approvals.running', 'fair']
}

const CALLS: Record<string, [Word, Mood]> = {
  done: ['approvals.done', 'good'],
  failed: ['approvals.failed', 'bad'],
  refused: ['why.tool_refused', 'bad'],
  denied: ['approvals.denied', 'calm'],
  expired: ['approvals.expired', 'fair'],
  waiting: ['approvals.waits', 'fair'],
  running: ['why.tool_running', 'fair'],
}

/** What became of a call, with or without an approval. */
export const callOutcome = (state: string): [Word, Mood] => CALLS[state] ?? ['approvals.unknown', 'bad']

/** Those that wait, and those that waited when one began to look: what is decided elsewhere does not vanish under one's hand. */
export function withSeen(waiting: ApprovalBody[], all: ApprovalBody[], seen: ReadonlySet<string>): ApprovalBody[] {
  const fresh = new Map(all.map((one) => [one.id, one]))
  const shown = new Map(waiting.map((one) => [one.id, fresh.get(one.id)?.state === 'waiting' || !fresh.has(one.id) ? one : (fresh.get(one.id) ?? one)]))
  for (const one of all) if (seen.has(one.id)) shown.set(one.id, one)
  return [...shown.values()].sort((one, other) => one.asked_at.localeCompare(other.asked_at))
}
