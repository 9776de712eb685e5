// Times in the reader's language: how long ago in lists, the whole date where it matters.
import { preferences } from './preferences'

const MINUTE_MS = 60_000
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 24 * 60 * MINUTE_MS],
  ['hour', 60 * MINUTE_MS],
  ['minute', MINUTE_MS],
]
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS

/** The browser's own variant of the chosen language: there are many ways to write a time in English. */
export function locale(): string {
  const { language } = preferences()
  return navigator.language.toLowerCase().startsWith(language) ? navigator.language : language
}

export function ago(at: string, now: number = Date.now()): string {
  const past = now - Date.parse(at)
  if (past >= WEEK_MS) return new Date(at).toLocaleDateString(locale(), { day: 'numeric', month: 'short' })
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto', style: 'narrow' })
  const [unit, length] = STEPS.find(([, step]) => past >= step) ?? ['second', 1_000]
  return unit === 'second' ? format.format(0, 'second') : format.format(-Math.floor(past / length), unit)
}

export function moment(at: string): string {
  return new Date(at).toLocaleString(locale(), { dateStyle: 'medium', timeStyle: 'short' })
}

export function clock(at: string, withSeconds = false): string {
  return new Date(at).toLocaleTimeString(locale(), { timeStyle: withSeconds ? 'medium' : 'short' })
}

export function day(at: string): string {
  return new Date(at).toLocaleDateString(locale(), { dateStyle: 'full' })
}
