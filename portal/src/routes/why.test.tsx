// From an answer to what it called, and to what it was reminded of, which is forgotten or put right from there.
import { act } from 'react'
import { expect, test, vi } from 'vitest'
import type { MemoryDetail, StepBody, ToolCallBody } from '../api/schema'
import { gateway, open, page, shows } from './stage'

const AT = '2026-11-27T12:00:00Z'
const CALL: ToolCallBody = { id: 'tcl_1', tool: 'open_ticket', class: 'write', arguments: { title: 'Printer <b>\u202Egone</b>', floor: 3 }, state: 'done', result: 'Ticket 17 is open.', attempts: 2, approval: 'used', decided_name: 'Linus', started_at: AT, finished_at: '2026-11-27T12:00:02Z' }
const STEP: StepBody = {
  run_id: 'run_1', agent: 'Ada', state: 'done', arrived_at: AT, started_at: AT, finished_at: '2026-11-27T12:00:03Z', reason: null, messages: 1,
  prompt: { instructions: 10, memories: 20, summary: 77, conversation: 30, messages: 2, files: 0, recall_ms: 5, model_ms: 900 },
  recalled: [], calls: [], deliveries: [], opinions: [], tool_calls: [CALL, { ...CALL, id: 'tcl_2', tool: 'calculator', class: 'read', arguments: {}, state: 'refused', result: null, attempts: 1, approval: null, decided_name: null, finished_at: null }, { ...CALL, id: 'tcl_3', decided_name: 'an operator' }],
}
const TALK = { id: 'cnv_1', channel: 'slack', connection_id: 'con_1', handler: 'agent', kind: 'public', last_message_at: AT, place: 'C1', place_name: 'general' }
const MEMORY: MemoryDetail = { id: 'mem_1', kind: 'fact', text: 'The summit is on 14 March.', author: 'Ada', person_id: 'per_1', conversation_id: 'cnv_1', message_id: 'msg_1', channel: 'slack', place: 'C1', place_name: 'general', audience: 'tenant', said_at: AT, recalled_in: [], fact: { subject: 'summit', attribute: 'date', value: '14 March', decision: false, source_message_ids: ['msg_1'], source_conversation_ids: ['cnv_1'] } }

function answers(known: Record<string, unknown>): void {
  gateway.mockImplementation(async (url, how) => {
    const asked = `${how?.method ?? 'GET'} ${new URL(String(url), 'http://localhost').pathname.replace('/api/v1', '')}`
    return Response.json(known[asked] ?? { items: [], next_cursor: null })
  })
}

const dialog = () => page.querySelector('dialog')!
const press = (name: string) => act(async () => [...dialog().querySelectorAll('button')].find((one) => one.textContent === name)!.click())
const sent = (method: string) => gateway.mock.calls.filter(([, how]) => how?.method === method).map(([url, how]) => [String(url), how?.body ? JSON.parse(String(how.body)) : undefined])

test('a trace tells which tools were called, with what, and who allowed it', async () => {
  answers({ 'GET /conversations/cnv_1': TALK, 'GET /conversations/cnv_1/trace': { items: [STEP], next_cursor: null } })
  await open('/inbox?conversation=cnv_1&why=run_1')
  await shows('open_ticket')
  const [ticket, sum] = page.querySelectorAll('.tool-calls > li')
  for (const told of ['carried out', 'writes', '2 attempts', 'took 2 s', 'approved by Linus', 'Printer <b>⟨U+202E⟩gone</b>', 'floor', 'Ticket 17 is open.']) expect(ticket?.textContent).toContain(told)
  expect(sum?.textContent).toContain('not carried out')
  expect(sum?.textContent).not.toContain('approved by')
  expect(page.querySelectorAll('.tool-calls > li')[2]?.textContent).toContain('took 2 s · approved by an operator')
  await shows('Summary of what was said before')
  expect(page.querySelector('.step')?.textContent).toContain('77 characters')
})

test('what an answer was reminded of is forgotten from where it comes from', async () => {
  answers({ 'GET /memories/mem_1': MEMORY, 'DELETE /memories/mem_1': { characters: 26 } })
  await open('/memory?memory=mem_1')
  await shows(MEMORY.text)
  await press('Forget')
  expect(dialog().textContent).toContain('Forget this?')
  await press('Cancel')
  await shows('Where this comes from')
  expect(sent('DELETE')).toEqual([])
  await press('Forget')
  await press('Forget')
  await vi.waitFor(() => act(async () => expect(page.querySelector('dialog')).toBeNull()))
  expect(sent('DELETE')).toEqual([['/api/v1/memories/mem_1', undefined]])
  expect(page.querySelector('.note.good')?.textContent).toContain('26 characters')
})

test('a fact is put right from there, and one that holds no longer is not', async () => {
  answers({ 'GET /memories/mem_1': MEMORY, 'PATCH /memories/mem_1': MEMORY })
  await open('/memory?memory=mem_1')
  await shows(MEMORY.text)
  await press('Correct')
  await act(async () => {
    const value = dialog().querySelector('input')!
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(value, '15 March')
    value.dispatchEvent(new Event('input', { bubbles: true }))
  })
  await press('Correct')
  await vi.waitFor(() => act(async () => expect(page.querySelector('.note.good')?.textContent).toContain('Corrected.')))
  expect(sent('PATCH')[0]?.[1]).toMatchObject({ value: '15 March' })
  answers({ 'GET /memories/mem_1': { ...MEMORY, fact: { ...MEMORY.fact, valid_until: AT } } })
  await open('/memory?memory=mem_1')
  await shows('Where this comes from')
  await shows('held until')
  expect([...dialog().querySelectorAll('button')].map((one) => one.textContent)).toEqual(['Forget', 'Close'])
  await open('/memory?memory=mem_1', { read_only: true })
  await shows('held until')
  expect([...dialog().querySelectorAll('button')].map((one) => one.textContent)).toEqual(['Close'])
})
