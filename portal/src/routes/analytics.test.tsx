// The page of what happened: counted, empty, not counted yet, not to be had.
import { act } from 'react'
import { expect, test, vi } from 'vitest'
import { gateway, open, page, shows } from './stage'

const NONE = {
  conversations: 0, answered: 0, escalated: 0, taken_over: 0, released: 0, closed: 0, answer_rate: null, takeover_rate: null, messages: 0, operator_messages: 0,
  answers: 0, failures: 0, interruptions: 0, first_answer: null, answer: null, escalations: 0, human: null, good: 0, bad: 0, model_calls: 0, failed_calls: 0,
  unpriced_calls: 0, cost_usd: 0, cost_micro_usd: 0, channel_sends: 0, unpriced_sends: 0, channel_cost_usd: 0, channel_cost_micro_usd: 0,
}
const SOME = {
  ...NONE, conversations: 8, answered: 6, escalated: 2, taken_over: 2, released: 1, closed: 1, answer_rate: 0.75, takeover_rate: 0.25, messages: 20, answers: 15, failures: 1,
  first_answer: { count: 6, p50_ms: 740, p90_ms: 2_500, p95_ms: 150_000 }, good: 3, bad: 1, cost_usd: 1.5, cost_micro_usd: 1_500_000, channel_sends: 4, channel_cost_usd: 0.25, channel_cost_micro_usd: 250_000,
}
const REPORT = {
  from: '2026-11-01', to: '2026-11-07', time_zone: 'Europe/Berlin', as_of: '2026-11-07T12:00:00Z', days_waiting: 0, total: SOME, days: [{ day: '2026-11-03', ...SOME }],
  agents: [{ agent: 'agt_1', name: 'Kona', ...SOME }, { agent: null, name: null, ...NONE }], channels: [{ channel: 'slack', ...SOME }, { channel: 'none', ...NONE }],
}

function answers(report: object, status = 200): void {
  gateway.mockImplementation(async (url) => {
    const address = String(url)
    if (address.includes('/analytics')) return Response.json(report, { status })
    if (address.includes('/agents')) return Response.json({ items: [{ id: 'agt_1', name: 'Kona' }] })
    return Response.json({ items: [] })
  })
}

const asked = () => gateway.mock.calls.map(([url]) => String(url)).filter((url) => url.includes('/analytics'))

test('figures, steps and times are told with what they mean', async () => {
  answers(REPORT)
  await open('/analytics?days=7')
  await shows('75% answered by an agent')
  const tiles = page.querySelector('.tiles')?.textContent ?? ''
  expect(tiles).toContain('740 ms')
  expect(tiles).toContain('95 % within 2.5 min')
  expect(tiles).toContain('3 good, 1 bad')
  expect(tiles).toContain('$1.50')
  expect(tiles).toContain('and $0.25 that WhatsApp takes')
  expect(page.textContent).toContain('in the time zone Europe/Berlin')
  expect([...page.querySelectorAll('.journey li')].map((step) => step.textContent)).toEqual([
    'Began8100%', 'Answered by an agent675%', 'Handed over225%', 'Taken by a human225%', 'Given back113%', 'Seen to113%',
  ])
  expect(page.querySelectorAll('.bar').length).toBe(7)
  expect(page.textContent).toContain('Not answered by an agent')
  expect(page.textContent).toContain('Without a conversation')
})

test('what is filtered stands in the question and in the table that can be downloaded', async () => {
  answers(REPORT)
  await open('/analytics?days=7&agent=agt_1&channel=slack')
  await shows('Download as CSV')
  expect(asked()[0]).toContain('agent=agt_1')
  expect(asked()[0]).toContain('channel=slack')
  const link = [...page.querySelectorAll('a')].find((one) => one.textContent === 'Download as CSV')
  expect(link?.getAttribute('href')).toBe('/api/v1/analytics/export?from=2026-11-01&to=2026-11-07&agent=agt_1&channel=slack')
  const events = [...page.querySelectorAll('a')].find((one) => one.textContent === 'Events as CSV')
  expect(events?.getAttribute('href')).toBe('/api/v1/analytics/events/export?from=2026-11-01&to=2026-11-07&agent=agt_1&channel=slack')
  const channel = page.querySelector<HTMLSelectElement>('select[aria-label="Channel"]')
  if (!channel) throw new Error('there is a filter')
  await act(async () => {
    channel.value = 'whatsapp'
    channel.dispatchEvent(new Event('change', { bubbles: true }))
  })
  await vi.waitFor(() => expect(asked().at(-1)).toContain('channel=whatsapp'))
})

test('nothing happened, and nothing is counted yet, are different things', async () => {
  answers({ ...REPORT, total: NONE, days: [], agents: [], channels: [] })
  await open('/analytics')
  await shows('Nothing happened in this time')
  answers({ ...REPORT, as_of: null, total: NONE, days: [], agents: [], channels: [] })
  await open('/analytics')
  await shows('Nothing is counted yet')
})

test('a failure is told, and can be tried again', async () => {
  answers({ type: 'about:blank', title: 'Internal', status: 500, code: 'internal' }, 500)
  await open('/analytics')
  await shows('Try again')
  answers(REPORT)
  await act(async () => [...page.querySelectorAll('button')].find((one) => one.textContent === 'Try again')?.click())
  await shows('75% answered by an agent')
})
