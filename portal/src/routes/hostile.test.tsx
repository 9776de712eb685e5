// Names, answers and files that look like markup: whoever writes them, a page shows their letters.
import { act } from 'react'
import { expect, test, vi } from 'vitest'
import { gateway, open, page } from './stage'

const MARKUPS = [
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)><a xlink:href="javascript:alert(1)">x</a></svg>',
  '<script>alert(1)</script>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<a href="javascript:alert(1)">the bank</a>',
  '[the bank](javascript:alert(1)) ![x](https://evil.example/pixel.png)',
  '"><style>@import "https://evil.example/x.css"</style>',
  '&lt;img src=x onerror=alert(1)&gt;',
]
const AT = '2026-11-27T12:00:00Z'
/** Of the pages' own there is one picture. */
const ACTIVE = 'img:not([src="/favicon.svg"]), iframe, object, embed, style, link, base, form[action], [onerror], [onload], [srcdoc], [href^="javascript" i], [href*="evil"], [src]:not([src="/favicon.svg"])'

/** By the end of the address; anything else is an empty list. */
function answers(known: Record<string, unknown>): void {
  gateway.mockImplementation(async (url) => {
    const path = new URL(String(url), 'http://localhost').pathname
    const found = Object.entries(known).find(([end]) => path.endsWith(end))?.[1]
    return Response.json(found ?? { items: [], next_cursor: null })
  })
}

/** What stands on the page, and in its fields. */
const letters = () => [page.textContent, ...[...page.querySelectorAll<HTMLInputElement>('input, textarea')].map((field) => field.value)].join('\n')

/** Shown letter by letter, and nothing was made of it. */
async function isText(markup: string): Promise<void> {
  await vi.waitFor(() => act(async () => expect(letters()).toContain(markup)), { timeout: 3_000 })
  expect([...page.querySelectorAll(ACTIVE)].map((one) => one.outerHTML)).toEqual([])
  expect(page.querySelector('script, svg a')).toBeNull()
}

const list = (...items: unknown[]) => ({ items, next_cursor: null })

const talk = (markup: string) => ({ id: 'cnv_1', channel: 'slack', connection_id: 'con_1', handler: 'agent', kind: 'public', last_message: { author: markup, author_kind: 'person', text: markup }, last_message_at: AT, place: 'C1', place_name: markup })
const message = (author_kind: string, markup: string) => ({ id: `msg_${author_kind}`, author: markup, author_kind, text: markup, sent_at: AT, interrupted: markup, trouble: { state: 'dead', reason: markup }, files: [{ name: markup, content_type: 'text/html', state: 'read', size: 7 }] })

test('attack 139: what people and agents write, their names and their files', async () => {
  for (const markup of MARKUPS) {
    answers({ '/messages': list(message('agent', markup), message('person', markup), message('operator', markup)), '/conversations': list(talk(markup)), '/conversations/cnv_1': talk(markup) })
    await open('/inbox?conversation=cnv_1')
    await vi.waitFor(() => expect(page.querySelectorAll('.message .said')).toHaveLength(3), { timeout: 5_000 })
    await isText(markup)
    for (const part of ['.message .said', '.message strong', '.message-files li']) {
      expect([...page.querySelectorAll(part)].map((one) => one.textContent?.includes(markup))).toEqual([true, true, true])
    }
  }
})

test('attack 139: names of documents, and of where they come from', async () => {
  for (const markup of MARKUPS) {
    const document = { id: 'doc_1', title: markup, name: markup, agent_ids: [], content_type: 'text/html', created_at: AT, passages: 1, reason: markup, size: 9, state: 'refused', source: { address: `javascript:alert(1)//${markup}`, every_hours: 24, is_sitemap: false, reason: markup } }
    answers({ '/knowledge': list(document) })
    await open('/knowledge')
    await isText(markup)
  }
})

test('attack 139: names of members', async () => {
  for (const markup of MARKUPS) {
    const member = { user_id: 'usr_2', name: markup, mail: 'a@example.com', role: 'operator', is_owner: false, read_only: false, created_at: AT }
    answers({ '/members': list(member) })
    await open('/people')
    await isText(markup)
  }
})
