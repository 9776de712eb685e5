// Times in the reader's language: how long ago in lists, the whole date where it matters.
import { preferences } from './preferences'

const MINUTE_MS = 60_000
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 24 * 60 * MINUTE_MS],
  ['hour', 60 * MINUTE_MS],
  ['minute', MINUTE_MS],
]
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS

export function ago(at: string, now: number = Date.now()): string {
  const past = now - Date.parse(at)
  if (past >= WEEK_MS) return new Date(at).toLocaleDateString(preferences().language, { day: 'numeric', month: 'short' })
  const format = new Intl.RelativeTimeFormat(preferences().language, { numeric: 'auto', style: 'narrow' })
  const [unit, length] = STEPS.find(([, step]) => past >= step) ?? ['second', 1_000]
  return unit === 'second' ? format.format(0, 'second') : format.format(-Math.floor(past / length), unit)
}

export function moment(at: string): string {
  return new Date(at).toLocaleString(preferences().language, { dateStyle: 'medium', timeStyle: 'short' })
}

export function clock(at: string): string {
  return new Date(at).toLocaleTimeString(preferences().language, { hour: '2-digit', minute: '2-digit' })
}

export function day(at: string): string {
  return new Date(at).toLocaleDateString(preferences().language, { dateStyle: 'full' })
}
