// Money in the tenant's currency, and prices that only the tenant knows.
import { act } from 'react'
import { afterEach, expect, test, vi } from 'vitest'
import { gateway, open, page, shows } from './stage'

const RATE = { currency: 'EUR', usd_per_unit: '1.25', effective_from: '2026-11-01T00:00:00Z' }
const EUROS = { currency: 'EUR', usd_per_unit: '1.25', rates: [RATE] }
const DOLLARS = { currency: 'USD', usd_per_unit: '1', rates: [RATE] }
const BUDGET = { id: 'bud_1', scope: 'tenant', target: null, period: 'month', time_zone: 'UTC', currency: 'EUR', usd_per_unit: '1.25', budget_limit: 100, budget_limit_usd: 125, limit: '100.00 EUR a month', spent: 40, spent_usd: 50, spent_micro_usd: 50_000_000, reserved: 0, reserved_usd: 0, period_start: '2026-11-01T00:00:00Z' }
const KEY = { id: 'lky_1', name: 'Ours', host: 'models.example.com', key_hint: 'x7Qa', default_model: 'llama', is_default: true, platform_fallback: false, created_by: 'usr_1', created_at: '2026-11-27T12:00:00Z', replaced_at: null }

afterEach(() => void vi.useRealTimers())

function answers(known: Record<string, unknown>): void {
  gateway.mockImplementation(async (url) => {
    const path = new URL(String(url), 'http://localhost').pathname
    const found = Object.entries(known).find(([end]) => path.endsWith(end))?.[1]
    return Response.json(found ?? { items: [], next_cursor: null })
  })
}

const press = (name: string) => act(async () => [...page.querySelectorAll<HTMLElement>('main button')].find((one) => one.textContent === name)?.click())
const field = (label: string) => {
  const id = [...page.querySelectorAll('label')].find((one) => one.textContent === label)?.htmlFor
  return page.querySelector<HTMLInputElement>(`[id="${id}"]`)!
}
const type = (label: string, value: string, kind: typeof HTMLInputElement | typeof HTMLSelectElement = HTMLInputElement) =>
  act(async () => {
    Object.getOwnPropertyDescriptor(kind.prototype, 'value')!.set!.call(field(label), value)
    field(label).dispatchEvent(new Event(kind === HTMLSelectElement ? 'change' : 'input', { bubbles: true }))
  })
const sent = (method: string) => JSON.parse(String(gateway.mock.calls.find(([, how]) => how?.method === method)?.[1]?.body))

test('a currency with a rate can be chosen, and says what it is worth', async () => {
  const settings = { '/office-hours': { time_zone: 'UTC' }, '/consent': { access: 'none', since: '2026-11-27T12:00:00Z' } }
  answers({ ...settings, '/currency': DOLLARS })
  await open('/settings')
  await shows('Euro (EUR)')
  answers({ ...settings, '/currency': EUROS })
  await type('Currency of the organization', 'EUR', HTMLSelectElement)
  expect(sent('PUT')).toEqual({ currency: 'EUR' })
  await shows('One EUR is 1.25 US dollars now.')
})

test('a budget is shown in its currency beside dollars, and a new limit is said in it', async () => {
  answers({ '/budgets': { items: [BUDGET] }, '/currency': EUROS })
  await open('/budgets')
  await shows('€40.00 of €100.00')
  await shows('US$50.00 at 1.25 dollars for one EUR'.replace('US$', '$'))
  expect(page.textContent).not.toContain('stays that')
  await press('Change the limit')
  await vi.waitFor(() => expect(field('Limit: Euro (EUR)').value).toBe('100'))
  await type('Limit: Euro (EUR)', '80')
  await press('Save')
  expect(sent('PATCH')).toEqual({ budget_limit: 80 })
})

test('a limit that was said in another currency stays that, and its number is not taken for one of this', async () => {
  answers({ '/budgets': { items: [BUDGET] }, '/currency': DOLLARS })
  await open('/budgets')
  await shows('Its limit was said in EUR and stays that.')
  await press('Change the limit')
  await vi.waitFor(() => expect(field('Limit: US Dollar (USD)').value).toBe(''))
})

test('a price is said beside the key, and those before stay in sight', async () => {
  const price = { model: 'llama', effective_from: '2026-11-27T12:00:00Z', input_usd: 0.2, cached_usd: null, output_usd: 0.6, created_by: 'usr_1' }
  answers({ '/llm-keys': { items: [KEY] }, '/prices': { items: [price] } })
  await open('/model-keys')
  await shows('models.example.com')
  await press('Prices')
  await shows('$0.60')
  await type('Prompt', '0.25')
  await type('Answer', '0.75')
  await type('Cached part of a prompt', '0.05')
  await press('Set price')
  expect(sent('POST')).toEqual({ model: 'llama', input_usd: 0.25, output_usd: 0.75, cached_usd: 0.05 })
  await shows('It holds from now on.')
})

test('a budget says where it leads at this pace', async () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 16), toFake: ['Date'] })
  answers({ '/budgets': { items: [BUDGET] }, '/currency': EUROS })
  await open('/budgets')
  await shows('At this pace it comes to €80.00 by')
  answers({ '/budgets': { items: [{ ...BUDGET, spent: 80, spent_usd: 100 }] }, '/currency': EUROS })
  await open('/budgets')
  await shows('At this pace the limit is reached on Nov 19, 2026')
  answers({ '/budgets': { items: [{ ...BUDGET, spent: 120, spent_usd: 150 }] }, '/currency': EUROS })
  await open('/budgets')
  await shows('Used up')
  expect(page.textContent).not.toContain('At this pace')
})
