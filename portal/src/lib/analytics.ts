// What happened, as a reader writes it: every day of a span, how long something took, how much of a whole.
import type { AnalyticsReport, DayFiguresBody, FiguresBody } from '../api/schema'
import { money, short } from './money'
import { locale } from './time'
import type { Say, Word } from './words'

const DAY_MS = 24 * 60 * 60_000
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

export const MEASURES = ['conversations', 'messages', 'answers', 'taken_over', 'cost'] as const
export type Measure = (typeof MEASURES)[number]

export const valueOf = (figures: FiguresBody, measure: Measure): number => (measure === 'cost' ? figures.cost_micro_usd : figures[measure])

export const writtenAs = (measure: Measure) => (measure === 'cost' ? money : short)

/** The steps of a conversation, in the order it may take them. */
export const STEPS = ['arrived', 'answered', 'escalated', 'taken_over', 'released', 'closed'] as const
export type Step = (typeof STEPS)[number]

export const reached = (figures: FiguresBody, step: Step): number => (step === 'arrived' ? figures.conversations : figures[step])

export interface DayValue {
  day: string
  value: number
}

/** Every day of the span, the first one first: on a day that is not told nothing happened. */
export function everyDayOf({ days, from, to }: Pick<AnalyticsReport, 'days' | 'from' | 'to'>, measure: Measure): DayValue[] {
  const known = new Map<string, DayFiguresBody>(days.map((one) => [one.day, one]))
  const values = []
  for (let at = Date.parse(from); at <= Date.parse(to); at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10)
    const figures = known.get(day)
    values.push({ day, value: figures ? valueOf(figures, measure) : 0 })
  }
  return values
}

/** In the unit that says something. */
export function lasting(ms: number, say: Say): string {
  const [unit, length]: [Word, number] =
    ms < SECOND_MS ? ['analytics.ms', 1] : ms < 2 * MINUTE_MS ? ['analytics.seconds', SECOND_MS] : ms < 2 * HOUR_MS ? ['analytics.minutes', MINUTE_MS] : ['analytics.hours', HOUR_MS]
  const value = ms / length
  return say(unit, { count: value.toLocaleString(locale(), { maximumFractionDigits: value < 10 && length > 1 ? 1 : 0 }) })
}

/** The tables there are: counts by day, what conversations went through, and everything that happened. */
export const TABLES = ['days', 'journeys', 'events'] as const

/** Where a browser fetches the same as a table. */
export function tableAddress(table: (typeof TABLES)[number], { from, to }: Pick<AnalyticsReport, 'from' | 'to'>, agent?: string, channel?: string): string {
  const asked = new URLSearchParams({ from, to, ...(agent && { agent }), ...(channel && { channel }) })
  return `/api/v1/analytics/${table === 'days' ? '' : `${table}/`}export?${asked}`
}
