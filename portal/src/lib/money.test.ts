// Money, days and budgets: what is not known is never a number.
import { beforeEach, expect, test } from 'vitest'
import type { AgentBody, BudgetBody, UsageBody } from '../api/schema'
import { ceiling, ticks } from '../ui/bars'
import { isLiving, stateOf } from './billing'
import { usersOf } from './models'
import { alertOf, amount, currencyName, everyDay, forecastOf, knownOf, money, spanOf, summed, valueOf } from './money'
import { isOfConnections, isOfMoney, isOfSends } from './notices'
import { prefer } from './preferences'
import { length, moodOf } from './waiting'

beforeEach(() => prefer({ language: 'en' }))

const row = (change: Partial<UsageBody>): UsageBody => ({ ...summed([]), ...change })
const budget = (limit: number | null, spent: number, held = 0) => ({ budget_limit_usd: limit, spent_usd: spent, reserved_usd: held }) as BudgetBody

test('cents where there are some, and small sums keep what matters', () => {
  expect(money(12_345_678)).toMatch(/12\.35/)
  expect(money(0)).toMatch(/0\.00/)
  expect(money(1_234)).toMatch(/0\.0012/)
  expect([amount(12.5, 'EUR'), currencyName('EUR')]).toEqual(['€12.50', 'Euro (EUR)'])
})

test('costs are known wholly, partly or not at all', () => {
  expect(knownOf({ calls: 0, unpriced_calls: 0, cost_micro_usd: 0 })).toBe('all')
  expect(knownOf({ calls: 3, unpriced_calls: 1, cost_micro_usd: 7 })).toBe('partly')
  expect(knownOf({ calls: 3, unpriced_calls: 1, cost_micro_usd: 0 })).toBe('nothing')
  expect(knownOf({ calls: 3, unpriced_calls: 3, cost_micro_usd: 0 })).toBe('nothing')
})

test('every day of the span is there, whether or not something was used', () => {
  const days = everyDay([row({ key: '2026-03-01', calls: 4 })], '2026-02-27', '2026-03-02')
  expect(days.map((day) => [day.key, day.calls])).toEqual([['2026-02-27', 0], ['2026-02-28', 0], ['2026-03-01', 4], ['2026-03-02', 0]])
  expect(spanOf(7, new Date(2026, 2, 3, 23, 59))).toEqual({ from: '2026-02-25', to: '2026-03-03' })
})

test('sums and measures', () => {
  const all = summed([row({ calls: 1, input_tokens: 10, output_tokens: 5 }), row({ calls: 2, cost_micro_usd: 8, cost: 0.000007 })])
  expect([valueOf(all, 'calls'), valueOf(all, 'tokens'), valueOf(all, 'cost')]).toEqual([3, 15, 7])
  expect([0, 0.7, 1, 13, 2_400, 2_600].map(ceiling)).toEqual([0, 1, 1, 20, 2_500, 5_000])
  expect(ticks(20)).toEqual([0, 5, 10, 15, 20])
  expect(ticks(2_500)).toEqual([0, 500, 1_000, 1_500, 2_000, 2_500])
  expect(ticks(5)).toEqual([0, 1, 2, 3, 4, 5])
  expect(ticks(0)).toEqual([0])
})

test('a budget says so at half, at four fifths and at its end, and nothing without a limit', () => {
  expect(alertOf(budget(null, 99))).toEqual({ mood: 'calm', word: 'budgets.no_limit', part: null })
  expect(alertOf(budget(10, 4.9)).mood).toBe('good')
  expect(alertOf(budget(10, 5)).word).toBe('budgets.half')
  expect(alertOf(budget(10, 7, 1)).word).toBe('budgets.nearly')
  expect(alertOf(budget(10, 10)).word).toBe('budgets.used_up')
  expect(alertOf(budget(0, 0)).word).toBe('budgets.used_up')
})

test('the default key answers for agents without a list', () => {
  const agents = [
    { name: 'Kona', models: [] },
    { name: 'Mia', models: [{ llm_key: 'lky_1', model: 'm' }] },
    { name: 'Ole', models: [{ llm_key: null, model: 'm' }] },
  ] as unknown as AgentBody[]
  expect(usersOf({ id: 'lky_1', is_default: true }, agents).map(({ name }) => name)).toEqual(['Kona', 'Mia'])
  expect(usersOf({ id: 'lky_2', is_default: false }, agents)).toEqual([])
})

test('notices go to the page they are about', () => {
  expect(isOfConnections({ kind: 'token_refused', connection_id: null })).toBe(true)
  expect(isOfConnections({ kind: 'escalation', connection_id: null })).toBe(false)
  expect(isOfMoney({ kind: 'budget_alert', connection_id: null })).toBe(true)
  expect(isOfSends({ kind: 'send_unclear', connection_id: null })).toBe(true)
})

test('waiting is told in whole units, and worse the longer it takes', () => {
  expect(length(59_000)).toBe('< 1 min')
  expect(length(60_000)).toBe('1 min')
  expect(length(61 * 60_000)).toMatch(/^1 hr? 1 min$/)
  expect(length(50 * 3_600_000)).toMatch(/2 days/)
  expect([1, 16, 31].map((minutes) => moodOf(minutes * 60_000))).toEqual(['good', 'fair', 'bad'])
})

test('a subscription is called what it is, and one that nobody knows has ended', () => {
  expect(stateOf(null)).toEqual(['billing.none', 'calm'])
  expect(stateOf({ status: 'active' })).toEqual(['billing.active', 'good'])
  expect(stateOf({ status: 'active', cancel_at: '2026-12-01T00:00:00Z' })).toEqual(['billing.ends', 'fair'])
  expect(stateOf({ status: 'something' })).toEqual(['billing.ended', 'calm'])
  expect(isLiving({ subscription: { status: 'past_due' } })).toBe(true)
  expect([isLiving({ subscription: { status: 'canceled' } }), isLiving({ subscription: null }), isLiving(undefined)]).toEqual([false, false, false])
})

test('a period goes on as it began, once a tenth of it is over', () => {
  const month = { period: 'month', period_start: '2026-11-01T00:00:00Z', spent: 40, budget_limit: 100 } as BudgetBody
  const on = (day: number, change: Partial<BudgetBody> = {}) => forecastOf({ ...month, ...change }, Date.UTC(2026, 10, day))
  expect(on(16)).toEqual({ cost: 80, at: '2026-12-01T00:00:00.000Z', isOver: false })
  expect(on(7)).toEqual({ cost: 200, at: '2026-11-16T00:00:00.000Z', isOver: true })
  expect(on(7, { budget_limit: null })).toEqual({ cost: 200, at: '2026-12-01T00:00:00.000Z', isOver: false })
  expect([on(3), on(16, { spent: 0 }), on(16, { spent: 100 }), on(40)]).toEqual([null, null, null, null])
  expect(forecastOf({ ...month, period: 'day' }, Date.UTC(2026, 10, 1, 12))).toEqual({ cost: 80, at: '2026-11-02T00:00:00.000Z', isOver: false })
})

test('a month is as long as it is where it began', () => {
  const of = (start: string, now: string) => forecastOf({ period: 'month', period_start: start, spent: 1, budget_limit: null } as BudgetBody, Date.parse(now))?.at
  expect(of('2026-10-31T23:00:00Z', '2026-11-15T00:00:00Z')).toBe('2026-11-30T23:00:00.000Z')
  expect(of('2026-02-01T05:00:00Z', '2026-02-15T00:00:00Z')).toBe('2026-03-01T05:00:00.000Z')
})
