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

/** Made once: making one costs more than using it a hundred times. */
const formats = new Map<string, Intl.DateTimeFormat | Intl.RelativeTimeFormat>()

function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale()} ${JSON.stringify(options)}`
  const known = formats.get(key)
  if (known instanceof Intl.DateTimeFormat) return known
  const made = new Intl.DateTimeFormat(locale(), options)
  formats.set(key, made)
  return made
}

function relativeFormat(): Intl.RelativeTimeFormat {
  const known = formats.get(locale())
  if (known instanceof Intl.RelativeTimeFormat) return known
  const made = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto', style: 'narrow' })
  formats.set(locale(), made)
  return made
}

export function ago(at: string, now: number = Date.now()): string {
  const past = now - Date.parse(at)
  if (past >= WEEK_MS) return dateFormat({ day: 'numeric', month: 'short' }).format(new Date(at))
  const format = relativeFormat()
  const [unit, length] = STEPS.find(([, step]) => past >= step) ?? ['second', 1_000]
  return unit === 'second' ? format.format(0, 'second') : format.format(-Math.floor(past / length), unit)
}

export function moment(at: string): string {
  return dateFormat({ dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))
}

export function clock(at: string, withSeconds = false): string {
  return dateFormat({ timeStyle: withSeconds ? 'medium' : 'short' }).format(new Date(at))
}

export function day(at: string): string {
  return dateFormat({ dateStyle: 'full' }).format(new Date(at))
}

/** Minutes and seconds until then. */
export function remaining(at: string, now: number): string {
  const seconds = Math.max(0, Math.ceil((Date.parse(at) - now) / 1_000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
