// Documents: how large, what became of them, and what can be chosen at all.
import type { DocumentBody } from '../api/schema'
import type { Mood } from '../ui/badge'
import { locale } from './time'
import type { Word } from './words'

/** As the gateway. */
export const BYTES_MAX = 20 * 1024 * 1024
export const ENDINGS = ['.txt', '.md', '.html', '.htm', '.csv', '.pdf', '.docx', '.xlsx']
const UNITS = ['byte', 'kilobyte', 'megabyte'] as const

export function sizeOf(bytes: number): string {
  const at = bytes < 1_000 ? 0 : bytes < 1_000_000 ? 1 : 2
  const value = bytes / 1_000 ** at
  return value.toLocaleString(locale(), { style: 'unit', unit: UNITS[at], unitDisplay: at === 0 ? 'long' : 'short', maximumFractionDigits: value < 10 ? 1 : 0 })
}

/** Why it need not even be sent. */
export function unfit(file: { name: string; size: number }): Word | null {
  if (file.size === 0) return 'knowledge.file_empty'
  if (file.size > BYTES_MAX) return 'knowledge.file_large'
  return ENDINGS.some((ending) => file.name.toLowerCase().endsWith(ending)) ? null : 'knowledge.file_kind'
}

export function stateOf({ state, reason }: Pick<DocumentBody, 'state' | 'reason'>): [Word, Mood] {
  if (state === 'refused') return ['knowledge.refused', 'bad']
  if (state === 'waiting') return ['knowledge.waiting', 'fair']
  return reason ? ['knowledge.partly', 'fair'] : ['knowledge.ready', 'good']
}
