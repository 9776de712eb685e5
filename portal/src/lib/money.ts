// Money, tokens and days as a reader writes them. What nobody knows is never written as a number.
import type { BudgetBody, UsageBody } from '../api/schema'
import type { Mood } from '../ui/badge'
import { locale } from './time'
import type { Word } from './words'

const MICRO = 1_000_000
const CENT = 10_000
const DAY_MS = 24 * 60 * 60_000

/** Cents where there are some; below a cent, two digits that say something. */
export function money(micro: number, currency = 'USD'): string {
  const small = micro !== 0 && Math.abs(micro) < CENT
  const digits = small ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 }
  return (micro / MICRO).toLocaleString(locale(), { style: 'currency', currency, ...digits })
}

export function dollars(usd: number): string {
  return amount(usd, 'USD')
}

export function amount(units: number, currency: string): string {
  return money(inMicro(units), currency)
}

export const inMicro = (units: number): number => Math.round(units * MICRO)

/** `Euro (EUR)`; the code alone where the browser knows no name. */
export function currencyName(code: string): string {
  const name = new Intl.DisplayNames([locale()], { type: 'currency' }).of(code)
  return name && name !== code ? `${name} (${code})` : code
}

/** For axes and tiles: 1.2 M instead of 1,234,567. */
export function short(number: number): string {
  return number.toLocaleString(locale(), { notation: 'compact', maximumFractionDigits: 1 })
}

export function percent(part: number): string {
  return part.toLocaleString(locale(), { style: 'percent', maximumFractionDigits: 0 })
}

export type Known = 'all' | 'partly' | 'nothing'

/** Whether a sum of costs is one: calls of models without a price cost something, too. That it is more than nothing says nothing. */
export function knownOf({ calls, unpriced_calls: unpriced, cost_micro_usd: cost }: Pick<UsageBody, 'calls' | 'unpriced_calls' | 'cost_micro_usd'>): Known {
  if (unpriced === 0) return 'all'
  return unpriced >= calls || cost === 0 ? 'nothing' : 'partly'
}

export const MEASURES = ['cost', 'calls', 'tokens'] as const
export type Measure = (typeof MEASURES)[number]

export function valueOf(row: UsageBody, measure: Measure): number {
  if (measure === 'cost') return inMicro(row.cost)
  return measure === 'calls' ? row.calls : row.input_tokens + row.output_tokens
}

export function summed(rows: UsageBody[]): UsageBody {
  const sum = (of: (row: UsageBody) => number) => rows.reduce((total, row) => total + of(row), 0)
  return {
    calls: sum((row) => row.calls),
    failed_calls: sum((row) => row.failed_calls),
    input_tokens: sum((row) => row.input_tokens),
    output_tokens: sum((row) => row.output_tokens),
    audio_seconds: sum((row) => row.audio_seconds),
    cost_usd: sum((row) => row.cost_usd),
    cost_micro_usd: sum((row) => row.cost_micro_usd),
    cost: sum((row) => row.cost),
    own_cost_usd: sum((row) => row.own_cost_usd),
    own_cost: sum((row) => row.own_cost),
    unpriced_calls: sum((row) => row.unpriced_calls),
  }
}

const NOTHING = summed([])

/** Every day of the span, the first one first: on a day without a line nothing was used. */
export function everyDay(rows: UsageBody[], from: string, to: string): UsageBody[] {
  const known = new Map(rows.map((row) => [row.key, row]))
  const days = []
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS) {
    const key = new Date(at).toISOString().slice(0, 10)
    days.push(known.get(key) ?? { ...NOTHING, key, name: key })
  }
  return days
}

/** The last so many days of the reader, today included. */
export function spanOf(days: number, now: Date = new Date()): { from: string; to: string } {
  const written = (at: Date) => [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0')).join('-')
  const first = new Date(now.getFullYear(), now.getMonth(), now.getDate() - days + 1)
  return { from: written(first), to: written(now) }
}

/** A day of a report, which is no moment: it is the same day everywhere. */
export function dayName(key: string, style: 'short' | 'long' = 'short'): string {
  const format: Intl.DateTimeFormatOptions =
    style === 'short' ? { day: 'numeric', month: 'short' } : { weekday: 'long', day: 'numeric', month: 'long' }
  return new Date(key).toLocaleDateString(locale(), { ...format, timeZone: 'UTC' })
}

export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'

export interface Alert {
  mood: Mood
  word: Word
  /** How much of the limit is spent or held; `null` without a limit. */
  part: number | null
}

/** Half, four fifths, all: the marks at which a budget says so. */
export function alertOf({ budget_limit_usd: limit, spent_usd: spent, reserved_usd: held }: BudgetBody): Alert {
  if (limit === null || limit === undefined) return { mood: 'calm', word: 'budgets.no_limit', part: null }
  const part = limit > 0 ? (spent + held) / limit : 1
  if (part >= 1) return { mood: 'bad', word: 'budgets.used_up', part }
  if (part >= 0.8) return { mood: 'bad', word: 'budgets.nearly', part }
  if (part >= 0.5) return { mood: 'fair', word: 'budgets.half', part }
  return { mood: 'good', word: 'budgets.fine', part }
}

/** Of a period, over which nothing can be told before. */
const TOLD_AFTER = 0.1

export interface Forecast {
  /** What the whole period comes to if it goes on like this, in the budget's currency. */
  cost: number
  /** When that is, or when the limit is reached if that is sooner. */
  at: string
  isOver: boolean
}

/** `null`: nothing was spent, the limit is reached already, or too little of the period is over. */
export function forecastOf({ period, period_start: start, spent, budget_limit: limit }: Pick<BudgetBody, 'period' | 'period_start' | 'spent' | 'budget_limit'>, now: number): Forecast | null {
  const begin = Date.parse(start)
  const end = period === 'day' ? begin + DAY_MS : monthAfter(begin)
  const part = (now - begin) / (end - begin)
  if (part < TOLD_AFTER || part >= 1 || spent <= 0) return null
  const cost = spent / part
  if (typeof limit !== 'number' || cost <= limit) return { cost, at: new Date(end).toISOString(), isOver: false }
  return spent >= limit ? null : { cost, at: new Date(begin + (now - begin) * (limit / spent)).toISOString(), isOver: true }
}

/** A month begins at midnight of its time zone, which may be the day before here: half a day later it is the month everywhere. */
function monthAfter(begin: number): number {
  const inside = new Date(begin + DAY_MS / 2)
  return begin + new Date(Date.UTC(inside.getUTCFullYear(), inside.getUTCMonth() + 1, 0)).getUTCDate() * DAY_MS
}
