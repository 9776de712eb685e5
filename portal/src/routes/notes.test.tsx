// Notes in a conversation: among the messages, for members only.
import { act } from 'react'
import { beforeEach, expect, test, vi } from 'vitest'
import type { ConversationBody, MessageBody, NoteBody, Session } from '../api/schema'
import { gateway, open, page, shows } from './stage'

const at = (minute: number) => `2026-11-27T12:${String(minute).padStart(2, '0')}:00Z`
const TALK: ConversationBody = { id: 'cnv_1', channel: 'slack', connection_id: 'con_1', handler: 'agent', kind: 'public', last_message_at: at(9), place: 'C1', place_name: 'general' }
const said = (id: string, minute: number, text: string): MessageBody => ({ id, author: 'Ada', author_kind: 'person', run_id: null, text, sent_at: at(minute), files: [] })
const noted = (id: string, minute: number, text: string, author: string | null = 'Grace', author_id = 'usr_1'): NoteBody => ({ id, text, author, author_id, created_at: at(minute) })

let talk: ConversationBody
/** Newest first. */
let messages: Record<string, { items: MessageBody[]; next_cursor: string | null }>
let notes: Record<string, { items: NoteBody[]; next_cursor: string | null }>
let refusal: Response | undefined

beforeEach(() => {
  talk = TALK
  messages = { '': { items: [said('msg_2', 5, 'And now?'), said('msg_1', 1, 'Hello?')], next_cursor: null } }
  notes = { '': { items: [], next_cursor: null } }
  refusal = undefined
  gateway.mockImplementation(async (url, how) => {
    const { pathname, searchParams } = new URL(String(url), 'http://localhost')
    const [path, cursor] = [pathname.replace('/api/v1/conversations/cnv_1', ''), searchParams.get('cursor') ?? '']
    if (path === '') return Response.json(talk)
    if (path === '/messages') return Response.json(messages[cursor])
    if (path === '/notes' && how?.method === 'POST') {
      if (refusal) return refusal.clone()
      const note = noted('nte_9', 7, JSON.parse(String(how.body)).text)
      notes[''] = { ...notes['']!, items: [note, ...notes['']!.items] }
      return Response.json(note, { status: 201 })
    }
    if (path.startsWith('/notes/')) {
      notes[''] = { ...notes['']!, items: notes['']!.items.filter(({ id }) => !path.endsWith(id)) }
      return new Response(null, { status: 204 })
    }
    if (path === '/notes') return Response.json(notes[cursor])
    return Response.json({ items: [], next_cursor: null })
  })
})

const lines = () => [...page.querySelectorAll('.message')].map((one) => `${one.classList.contains('noted') ? 'note: ' : ''}${one.querySelector('.said')?.textContent ?? ''}`)
const linesAre = (all: string[]) => vi.waitFor(() => act(async () => expect(lines()).toEqual(all)))
const press = (name: string) => act(async () => [...document.querySelectorAll<HTMLButtonElement>('button')].findLast((one) => (one.getAttribute('aria-label') ?? one.textContent) === name)!.click())
const area = () => page.querySelector<HTMLTextAreaElement>('.noting textarea')!
const write = async (text: string) => {
  await vi.waitFor(() => act(async () => expect(area()).not.toBeNull()))
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')!.set!.call(area(), text)
    area().dispatchEvent(new Event('input', { bubbles: true }))
  })
}
const save = () => act(async () => page.querySelector<HTMLFormElement>('.noting')!.requestSubmit())
const deletions = () => [...page.querySelectorAll('button[aria-label^="Delete: note"]')].length

test('a note stands where it was written, says that it is one, and is text', async () => {
  notes['']!.items = [noted('nte_2', 8, '<b>Later</b>', null, 'usr_7'), noted('nte_1', 3, 'She is angry.')]
  await open('/inbox?conversation=cnv_1')
  await linesAre(['Hello?', 'note: She is angry.', 'And now?', 'note: <b>Later</b>'])
  const heads = [...page.querySelectorAll('.message.noted .message-head')].map((one) => one.textContent)
  expect(heads[0]).toMatch(/^GraceInternal note/)
  expect(heads[1]).toMatch(/^Somebody who leftInternal note/)
})

test('what is older than the messages that are shown waits for them', async () => {
  messages = { '': { items: [said('msg_2', 5, 'And now?')], next_cursor: 'earlier' }, earlier: { items: [said('msg_1', 1, 'Hello?')], next_cursor: null } }
  notes = { '': { items: [noted('nte_3', 6, 'Third')], next_cursor: 'more' }, more: { items: [noted('nte_2', 3, 'Second'), noted('nte_1', 0, 'First')], next_cursor: null } }
  await open('/inbox?conversation=cnv_1')
  await linesAre(['And now?', 'note: Third'])
  await press('Load earlier messages')
  await linesAre(['note: First', 'Hello?', 'note: Second', 'And now?', 'note: Third'])
})

test('a note is written also while the agent answers, and what is half typed stays', async () => {
  await open('/inbox?conversation=cnv_1')
  await shows('Take the conversation over to answer it yourself.')
  await press('Internal note')
  await write('Call her.')
  await press('Reply')
  expect(area().closest<HTMLElement>('[hidden]')).not.toBeNull()
  await press('Internal note')
  expect([area().value, area().closest('[hidden]')]).toEqual(['Call her.', null])
  await save()
  await linesAre(['Hello?', 'And now?', 'note: Call her.'])
  expect(area().value).toBe('')
  expect(gateway.mock.calls.some(([url]) => String(url).endsWith('/reply'))).toBe(false)
})

test('a note that is refused stays in its field, with the reason', async () => {
  refusal = Response.json({ code: 'invalid_request', detail: 'No such note.' }, { status: 400, headers: { 'content-type': 'application/problem+json' } })
  await open('/inbox?conversation=cnv_1')
  await shows('Take the conversation over')
  await press('Internal note')
  await write('Call her.')
  await save()
  await shows('No such note.')
  expect(area().value).toBe('Call her.')
})

test('a note is deleted after a second question', async () => {
  notes['']!.items = [noted('nte_1', 3, 'She is angry.')]
  await open('/inbox?conversation=cnv_1')
  await linesAre(['Hello?', 'note: She is angry.', 'And now?'])
  await vi.waitFor(() => act(async () => expect(deletions()).toBe(1)))
  await act(async () => page.querySelector<HTMLButtonElement>('button[aria-label^="Delete: note by Grace"]')!.click())
  expect(lines()).toHaveLength(3)
  await press('Delete')
  await linesAre(['Hello?', 'And now?'])
})

const ROLES: [string, Partial<Session>, number][] = [
  ['an admin deletes everybody’s', {}, 2],
  ['an operator deletes their own', { role: 'customer_operator', is_owner: false }, 1],
  ['who may only look deletes none', { read_only: true, is_owner: false }, 0],
]
test.each(ROLES)('%s', async (_, change, count) => {
  notes['']!.items = [noted('nte_2', 4, 'Mine'), noted('nte_1', 3, 'Theirs', 'Linus', 'usr_2')]
  await open('/inbox?conversation=cnv_1', change)
  await linesAre(['Hello?', 'note: Theirs', 'note: Mine', 'And now?'])
  // The button comes a moment later, if it does.
  await act(async () => void (await import('../components/notes')))
  await act(async () => new Promise((go) => setTimeout(go, 5)))
  expect(deletions()).toBe(count)
  expect(page.querySelector('.composer') === null).toBe(change.read_only === true)
})
