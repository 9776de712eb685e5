// What stands around a conversation: why a human has it, its tags, and what is related to it.
import { act } from 'react'
import { afterEach, expect, test, vi } from 'vitest'
import type { ConversationBody, EscalationBody, RelatedBody } from '../api/schema'
import { gateway, open, page, shows } from './stage'

const AT = '2026-11-27T12:00:00Z'
const TALK: ConversationBody = { id: 'cnv_1', channel: 'slack', connection_id: 'con_1', handler: 'agent', kind: 'public', last_message_at: AT, place: 'C1', place_name: 'general', waiting_since: AT }
const ESCALATION: EscalationBody = { id: 'esc_1', conversation_id: 'cnv_1', person: 'Ada', person_id: 'per_1', state: 'waiting', reason: 'the rule “Refunds”', summary: 'Ada wants <b>money</b> back.', opened_at: AT }
const RELATED: RelatedBody[] = [
  { conversation_id: 'cnv_2', tags: ['launch'], nearness: null, excerpt: null },
  { conversation_id: 'cnv_3', tags: [], nearness: 0.826, excerpt: '<i>A launch</i> on Tuesday' },
]

afterEach(() => void vi.useRealTimers())

let tags: string[]
function answers(talk: ConversationBody, escalations: EscalationBody[] = [], refusal?: Response): void {
  gateway.mockImplementation(async (url, how) => {
    const { pathname, searchParams } = new URL(String(url), 'http://localhost')
    const path = pathname.replace('/api/v1', '')
    if (path === '/conversations/cnv_1') return Response.json(talk)
    if (path === '/conversations/cnv_1/related') return Response.json({ items: RELATED })
    if (path === '/escalations') return Response.json({ items: escalations.filter(({ state }) => state === searchParams.get('state')), next_cursor: null })
    if (path !== '/conversations/cnv_1/tags') return Response.json({ items: [], next_cursor: null })
    if (how?.method === 'PUT') {
      if (refusal) return refusal.clone()
      tags = JSON.parse(String(how.body)).tags.map((tag: string) => tag.trim().toLowerCase()).sort()
    }
    return Response.json({ tags })
  })
}

const asked = (end: string) => gateway.mock.calls.filter(([url]) => String(url).endsWith(end)).length
const unfold = (summary: string) =>
  act(async () => {
    const details = [...page.querySelectorAll('details')].find((one) => one.querySelector('summary')?.textContent === summary)!
    details.open = true
    details.dispatchEvent(new Event('toggle'))
  })
const field = () => page.querySelector<HTMLInputElement>('.tag-form input')!
const add = async (tag: string) => {
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(field(), tag)
    field().dispatchEvent(new Event('input', { bubbles: true }))
  })
  await act(async () => page.querySelector<HTMLFormElement>('.tag-form')!.requestSubmit())
}
const shown = () => [...page.querySelectorAll('.tags .badge')].map((one) => one.textContent)
const shownAre = (all: string[]) => vi.waitFor(() => act(async () => expect(shown()).toEqual(all)))

test('related conversations are asked for once somebody looks, and are text', async () => {
  tags = []
  answers(TALK)
  await open('/inbox?conversation=cnv_1')
  await shows('Related, and tags')
  expect(asked('/related')).toBe(0)
  await unfold('Related, and tags')
  await shows('<i>A launch</i> on Tuesday')
  await shows('83% alike')
  const links = [...page.querySelectorAll<HTMLAnchorElement>('.around .lines a')]
  expect(links.map((link) => [link.textContent, new URL(link.href).search])).toEqual([
    ['Same tags', '?conversation=cnv_2'],
    ['<i>A launch</i> on Tuesday', '?conversation=cnv_3'],
  ])
  expect(asked('/related')).toBe(1)
})

test('a tag is added as the gateway keeps it, and taken away; what is related is asked for again', async () => {
  tags = ['apollo']
  answers(TALK)
  await open('/inbox?conversation=cnv_1')
  await shows('Related, and tags')
  await unfold('Related, and tags')
  await shownAre(['apollo'])
  await add(' Launch ')
  await shownAre(['apollo', 'launch'])
  expect(field().value).toBe('')
  await vi.waitFor(() => expect(asked('/related')).toBe(2))
  await act(async () => page.querySelector<HTMLButtonElement>('[aria-label="Remove the tag apollo"]')!.click())
  await shownAre(['launch'])
})

test('a tag that is refused stays in its field, with the reason', async () => {
  tags = ['apollo']
  answers(TALK, [], Response.json({ code: 'invalid', detail: 'A tag must have 1 to 40 characters.' }, { status: 400, headers: { 'content-type': 'application/problem+json' } }))
  await open('/inbox?conversation=cnv_1')
  await shows('Related, and tags')
  await unfold('Related, and tags')
  await shownAre(['apollo'])
  await add('no\u0007bell')
  await shows('A tag must have 1 to 40 characters.')
  expect(field().value).toBe('no\u0007bell')
  expect(shown()).toEqual(['apollo'])
})

test('who may only look sees tags, and changes none', async () => {
  tags = ['apollo']
  answers(TALK)
  await open('/inbox?conversation=cnv_1', { read_only: true })
  await shows('Related, and tags')
  await unfold('Related, and tags')
  await shownAre(['apollo'])
  expect(page.querySelector('.tags button, .tag-form')).toBeNull()
})

test('a conversation that waits says why and what to know, and one that nobody handed over says nothing', async () => {
  vi.useFakeTimers({ now: Date.parse(AT) + 40 * 60_000, toFake: ['Date'] })
  answers(TALK, [ESCALATION, { ...ESCALATION, id: 'esc_2', conversation_id: 'cnv_9', summary: 'Of somebody else.' }])
  await open('/inbox?conversation=cnv_1')
  await shows('Handed to a human: the rule “Refunds”')
  const note = page.querySelector<HTMLDetailsElement>('details.around')!
  expect(note.open).toBe(true)
  expect(note.textContent).toContain('Ada wants <b>money</b> back.')
  expect(note.textContent).toContain('waits 40 min')
  expect(page.textContent).not.toContain('Of somebody else.')
  answers({ ...TALK, handler: 'human', waiting_since: null })
  await open('/inbox?conversation=cnv_1')
  await shows('Answer as Grace')
  expect(page.textContent).not.toContain('Handed to a human')
})
