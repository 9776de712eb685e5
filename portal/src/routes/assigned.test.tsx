// Whom rules hand over to: chosen in the form, shown on what waits, and looked for by who it is for.
import { act } from 'react'
import { expect, test, vi } from 'vitest'
import { gateway, open, page, shows } from './stage'

const member = (user_id: string, name: string, read_only = false) => ({ user_id, name, mail: `${name}@example.com`, role: 'customer_operator', is_owner: false, read_only, created_at: '2026-11-27T12:00:00Z' })
const MEMBERS = { items: [member('usr_1', 'Grace'), member('usr_2', 'Linus'), member('usr_3', 'Rita', true)] }
const RULE = { id: 'rul_1', version: 3, name: 'Refunds', condition: 'refund', enabled: true, assign_to: ['usr_2'], deleted: false, changed_by: 'usr_1', changed_at: '2026-11-27T12:00:00Z' }
const WAITING = {
  id: 'esc_1', conversation_id: 'cnv_1', state: 'waiting', rule: { id: 'rul_1', version: 3, name: 'Refunds' }, reason: 'it was said', message_id: null, person_id: 'per_1',
  person: 'Ada', summary: 'Handed over.', meant_for: 'usr_2', opened_at: '2026-11-27T12:00:00Z', taken_at: null, assigned_to: null, closed_at: null,
}

function answers(known: Record<string, unknown>): void {
  gateway.mockImplementation(async (url) => {
    const path = new URL(String(url), 'http://localhost').pathname
    const found = Object.entries({ '/members': MEMBERS, ...known }).find(([end]) => path.endsWith(end))?.[1]
    return Response.json(found ?? { items: [], next_cursor: null })
  })
}

const box = (name: string) => [...page.querySelectorAll<HTMLInputElement>('.rule-members input')].find((one) => one.parentElement?.textContent === name)
const press = (name: string) => act(async () => [...page.querySelectorAll<HTMLElement>('main button')].find((one) => one.textContent === name)?.click())
const sent = (how: string) => gateway.mock.calls.filter(([, init]) => init?.method === how).map(([, init]) => JSON.parse(String(init?.body)))

test('a rule goes to who is chosen of those who may answer, and to everybody if nobody is', async () => {
  answers({ '/escalation-rules': { items: [RULE] }, '/escalation-rules/rul_1': { ...RULE, version: 4, assign_to: ['usr_2', 'usr_1'] } })
  await open('/rules?rule=rul_1')
  await shows('It is for them, and they get the mail.')
  expect([box('Grace')?.checked, box('Linus')?.checked, box('Rita')]).toEqual([false, true, undefined])
  await act(async () => box('Grace')!.click())
  expect(page.textContent).toContain('Whoever of them has the fewest open gets the next')
  await press('Save')
  await vi.waitFor(() => expect(sent('PATCH')).toEqual([{ name: 'Refunds', condition: 'refund', assign_to: ['usr_2', 'usr_1'], version: 3 }]))
  await act(async () => box('Grace')!.click())
  await act(async () => box('Linus')!.click())
  expect(page.textContent).toContain('Nobody is chosen: everybody sees it')
})

test('who has left is told of, and is sent only while nothing else was chosen', async () => {
  const rule = { ...RULE, assign_to: ['usr_2', 'usr_9'] }
  answers({ '/escalation-rules': { items: [rule] }, '/escalation-rules/rul_1': rule })
  await open('/rules?rule=rul_1')
  await shows('Somebody who was chosen can’t answer here any more')
  await press('Save')
  await vi.waitFor(() => expect(sent('PATCH')).toEqual([{ name: 'Refunds', condition: 'refund', version: 3 }]))
  await act(async () => box('Grace')!.click())
  expect(page.textContent).not.toContain('Somebody who was chosen')
  await press('Save')
  await vi.waitFor(() => expect(sent('PATCH')[1]).toMatchObject({ assign_to: ['usr_2', 'usr_1'] }))
})

test('an operator sees whom a rule goes to, and chooses nobody', async () => {
  answers({ '/escalation-rules': { items: [RULE] } })
  await open('/rules?rule=rul_1', { role: 'customer_operator' })
  await shows('Goes to')
  expect([box('Grace')?.disabled, box('Linus')?.disabled, box('Linus')?.checked]).toEqual([true, true, true])
})

test('what waits says for whom, and is asked for by who it is for', async () => {
  answers({ '/escalations': { items: [WAITING, { ...WAITING, id: 'esc_2', person: 'Eve', meant_for: null }, { ...WAITING, id: 'esc_3', person: 'Kim', meant_for: 'usr_9' }], next_cursor: null } })
  await open('/escalations')
  await shows('for Linus')
  expect(page.textContent?.match(/ · for /g)).toHaveLength(1)
  answers({ '/escalations': { items: [], next_cursor: null } })
  await act(async () => [...page.querySelectorAll<HTMLElement>('main a')].find((one) => one.textContent === 'For me')?.click())
  await shows('None of these are for you')
  const asked = gateway.mock.calls.map(([url]) => String(url)).filter((url) => url.includes('/escalations?'))
  expect(asked.at(-1)).toContain('meant_for=me')
  expect(asked[0]).not.toContain('meant_for')
})
