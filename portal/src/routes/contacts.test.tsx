// Who talks to the agents: found, marked, and forgotten with a certificate.
import { act } from 'react'
import { beforeEach, expect, test, vi } from 'vitest'
import type { ErasureBody, PersonBody, PersonDetail, RetentionBody } from '../api/schema'
import { kindsOf, knownBy } from '../lib/contacts'
import { gateway, open, page, shows } from './stage'

const ADA: PersonBody = { id: 'per_1', name: 'Ada', connection_id: 'con_1', connection_name: 'Acme HQ', channel: 'slack', external_id: 'UADA', phone: null, standing: 'guest', vip: false, opted_out: false, known_since: '2026-11-01T12:00:00Z', is_being_erased: false }
const DETAIL: PersonDetail = { ...ADA, also: [{ ...ADA, id: 'per_2', connection_name: 'Acme Labs' }], last_wrote_at: '2026-11-20T12:00:00Z', own_conversations: 1, shared_conversations: 2, counts: { messages: 12, memories: 3, summaries: 1, usage: 4 } }
const BEGUN: ErasureBody = { id: 'ers_1', people: ['per_1', 'per_2'], requested_by: 'user usr_1', requested_at: '2026-11-28T12:00:00Z', finished_at: null, counts: {}, certificate: null }
const DONE: ErasureBody = { ...BEGUN, finished_at: '2026-11-28T12:01:00Z', counts: { messages: 13 }, certificate: '{"certificate":{}}' }
const DAYS: RetentionBody = { messages_days: null, facts_days: null, inbox_days: 90, runs_days: 90, deliveries_days: 90, jobs_days: 30 }

type Answer = object | (() => Response | Promise<Response>)

/** By the end of the address, with the method where it matters. */
function answers(known: Record<string, Answer>): void {
  gateway.mockImplementation(async (url, how) => {
    const { pathname } = new URL(String(url), 'http://localhost')
    const asked = `${how?.method ?? 'GET'} ${pathname.replace('/api/v1', '')}`
    const found = known[asked]
    return typeof found === 'function' ? found() : Response.json(found ?? { items: [], next_cursor: null })
  })
}

const asked = (method: string, path: string) => gateway.mock.calls.filter(([url, how]) => (how?.method ?? 'GET') === method && String(url).startsWith(`/api/v1${path}`))
const sent = (method: string, path: string) => JSON.parse(String(asked(method, path).at(-1)?.[1]?.body))
const buttonOf = (name: string) => [...page.querySelectorAll<HTMLButtonElement>('button')].find((one) => one.textContent === name || one.getAttribute('aria-label') === name)
const press = (name: string) => act(async () => buttonOf(name)?.click())
const boxOf = (name: string) => page.querySelector<HTMLInputElement>(`input[aria-label="${name}"]`)!
const type = (label: string, value: string) =>
  act(async () => {
    const id = [...page.querySelectorAll('label')].find((one) => one.textContent === label)?.htmlFor
    const field = page.querySelector<HTMLInputElement>(`[id="${id}"]`)!
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(field, value)
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })

const saved: Blob[] = []
beforeEach(() => {
  saved.length = 0
  vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => `blob:${saved.push(blob as Blob)}`)
})

test('what is looked for goes to the gateway, and a list without anybody says so', async () => {
  answers({})
  await open('/contacts?q=ada&vip=true')
  await shows('Nobody fits')
  expect(String(asked('GET', '/people')[0]?.[0])).toMatch(/q=ada.*vip=true/)
  await open('/contacts')
  await shows('Nobody has written yet')
})

test('a mark stands there before the gateway has answered, and can be taken back', async () => {
  let agree = (_: Response) => {}
  answers({ 'GET /people': { items: [ADA], next_cursor: null }, 'PATCH /people/per_1': () => new Promise((resolve) => (agree = resolve)) })
  await open('/contacts')
  await shows('UADA · Acme HQ')
  // Not a turn of the event loop later: somebody who clicks sees what they clicked.
  act(() => boxOf('VIP: Ada').click())
  expect(boxOf('VIP: Ada').checked).toBe(true)
  await vi.waitFor(() => act(async () => expect(asked('PATCH', '/people')).toHaveLength(1)))
  expect(boxOf('VIP: Ada').checked).toBe(true)
  answers({ 'GET /people': { items: [{ ...ADA, vip: true }], next_cursor: null }, 'PATCH /people/per_1': { id: 'per_1', name: 'Ada', vip: false } })
  await act(async () => agree(Response.json({ id: 'per_1', name: 'Ada', vip: true })))
  await shows('Ada is a VIP now')
  await press('Undo')
  await vi.waitFor(() => act(async () => expect(sent('PATCH', '/people')).toEqual({ vip: false })))
})

test('whoever was the only VIP can be marked again from the list that is empty now', async () => {
  answers({ 'GET /people': { items: [{ ...ADA, vip: true }], next_cursor: null } })
  await open('/contacts?vip=true')
  await shows('UADA')
  answers({ 'GET /people': { items: [], next_cursor: null }, 'PATCH /people/per_1': { id: 'per_1', name: 'Ada', vip: false } })
  await act(async () => boxOf('VIP: Ada').click())
  await shows('Nobody fits')
  await press('Undo')
  await vi.waitFor(() => act(async () => expect(sent('PATCH', '/people')).toEqual({ vip: true })))
})

test('a mark that is refused goes again, with the reason', async () => {
  const refused = () => Response.json({ type: 'about:blank', title: 'No', status: 403, code: 'read_only', detail: 'No.' }, { status: 403 })
  answers({ 'GET /people': { items: [ADA], next_cursor: null }, 'PATCH /people/per_1': refused })
  await open('/contacts')
  await shows('UADA')
  await act(async () => boxOf('VIP: Ada').click())
  await vi.waitFor(() => act(async () => expect(page.querySelector('[role="alert"]')).not.toBeNull()))
  expect(boxOf('VIP: Ada').checked).toBe(false)
})

test('somebody is forgotten by who types their name, and the certificate can be kept', async () => {
  const known: Record<string, Answer> = { 'GET /people': { items: [ADA], next_cursor: null }, 'GET /people/per_1': DETAIL, 'POST /privacy/erasures': BEGUN, 'GET /privacy/erasures': { items: [] } }
  answers(known)
  await open('/contacts?person=per_1')
  await shows('Messages and answers12Memories, facts and summaries4Other records4')
  expect(page.textContent).toContain('Acme Labs')
  await press('Erase this person')
  await shows('It can’t be undone.')
  expect(page.textContent).toContain('Conversations with others: 2.')
  expect(buttonOf('Erase for good')?.disabled).toBe(true)
  await type('Type “Ada” to confirm', 'Ada')
  answers({ ...known, 'GET /privacy/erasures': { items: [BEGUN] } })
  await press('Erase for good')
  expect(sent('POST', '/privacy/erasures')).toEqual({ people: ['per_1'] })
  await shows('Being erased.')
  answers({ ...known, 'GET /people': { items: [], next_cursor: null }, 'GET /privacy/erasures': { items: [DONE] } })
  await shows('Messages and answers13')
  await press('Download the certificate')
  expect(await saved[0]?.text()).toBe(DONE.certificate)
})

test('what is there of somebody is downloaded as it is', async () => {
  const all = { people: ['per_1'], rows: { people: [{ display_name: 'Ada' }] }, cut: ['messages'], left_out: {} }
  answers({ 'GET /people/per_1': DETAIL, 'GET /privacy/erasures': { items: [] }, 'GET /privacy/people/per_1/export': all })
  await open('/contacts?person=per_1')
  await shows('What is kept of them')
  await press('Download what is there')
  await shows('the first 20,000 rows of: messages')
  expect(JSON.parse((await saved[0]?.text()) ?? '')).toEqual(all)
})

test('who was erased is listed with who asked for it', async () => {
  answers({ 'GET /privacy/erasures': { items: [DONE] }, 'GET /members': { items: [{ user_id: 'usr_1', name: 'Grace' }] } })
  await open('/contacts?view=erased')
  await shows('asked for by Grace')
  await press(`Download the certificate: ${page.querySelector('time')?.textContent}`)
  expect(await saved[0]?.text()).toBe(DONE.certificate)
})

test('keeping less is asked for twice, and what is empty is kept for good', async () => {
  answers({ 'GET /privacy/retention': DAYS, 'PUT /privacy/retention': { ...DAYS, messages_days: 365, inbox_days: null } })
  await open('/contacts?view=retention')
  await shows('What was said')
  await type('What was said', '365')
  await type('Events as they came in', '')
  await press('Save')
  await shows('can’t be brought back: What was said (365 days).')
  expect(asked('PUT', '/privacy')).toHaveLength(0)
  await act(async () => page.querySelector<HTMLButtonElement>('dialog .danger')?.click())
  expect(sent('PUT', '/privacy/retention')).toEqual({ ...DAYS, messages_days: 365, inbox_days: null })
  await shows('Saved.')
})

test('an operator sees and marks people, and is not asked about what is kept of them', async () => {
  answers({ 'GET /people': { items: [ADA], next_cursor: null } })
  await open('/contacts?view=erased&person=per_1', { role: 'customer_operator' })
  await shows('UADA')
  expect(boxOf('VIP: Ada')).not.toBeNull()
  expect(buttonOf('Details: Ada')).toBeUndefined()
  expect(asked('GET', '/privacy')).toHaveLength(0)
  expect(asked('GET', '/people/')).toHaveLength(0)
})

test('tables that nobody has named are counted among the others, and numbers are written as numbers', () => {
  expect(kindsOf({ something_new: 2, media: 0 })).toEqual([['contacts.others', 2]])
  expect(knownBy({ ...ADA, channel: 'whatsapp', external_id: '4915100000009' })).toBe('+4915100000009')
  expect(knownBy({ ...ADA, channel: 'whatsapp', external_id: 'DE.1', phone: '4930' })).toBe('+4930')
})
