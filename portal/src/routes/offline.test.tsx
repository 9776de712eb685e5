// A line that is down: the page says so, nothing is held back unseen, and nothing that was typed is lost.
import { onlineManager } from '@tanstack/react-query'
import { act } from 'react'
import { afterEach, expect, test } from 'vitest'
import { gateway, open, page, shows } from './stage'

const TALK = { id: 'cnv_1', channel: 'slack', connection_id: 'con_1', handler: 'human', kind: 'direct', last_message_at: '2026-11-27T12:00:00Z', place: 'D1', place_name: 'Ada' }

const line = (what: 'offline' | 'online') => act(async () => void window.dispatchEvent(new Event(what)))
const field = () => page.querySelector<HTMLTextAreaElement>('.reply textarea')!
const press = () => act(async () => page.querySelector<HTMLButtonElement>('.reply button[type=submit]')!.click())
const write = (text: string) =>
  act(async () => {
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')!.set!.call(field(), text)
    field().dispatchEvent(new Event('input', { bubbles: true }))
  })

afterEach(() => onlineManager.setOnline(true))

test('without a line the page says so at once, and what is sent meanwhile fails instead of waiting unseen', async () => {
  const answer = async (url: unknown) => Response.json(String(url).endsWith('/conversations/cnv_1') ? TALK : { items: [], next_cursor: null })
  gateway.mockImplementation(answer)
  await open('/inbox?conversation=cnv_1')
  await shows('Answer as Grace')
  expect(page.textContent).not.toContain('No connection.')
  gateway.mockImplementation(() => Promise.reject(new TypeError('Failed to fetch')))
  await line('offline')
  await shows('No connection.')
  await write('On my way.')
  await press()
  await shows('No answer came back.')
  expect(field().value).toBe('On my way.')
  gateway.mockImplementation(answer)
  await line('online')
  expect(page.textContent).not.toContain('No connection.')
  expect(gateway.mock.calls.filter(([url]) => String(url).endsWith('/reply'))).toHaveLength(1)
  await press()
  await act(async () => undefined)
  expect(gateway.mock.calls.filter(([url]) => String(url).endsWith('/reply'))).toHaveLength(2)
  expect(field().value).toBe('')
})

test('a field that is full says that something is missing', async () => {
  gateway.mockImplementation(async (url) => Response.json(String(url).endsWith('/conversations/cnv_1') ? TALK : { items: [], next_cursor: null }))
  await open('/inbox?conversation=cnv_1')
  await shows('Answer as Grace')
  await write('x'.repeat(7_999))
  expect(page.textContent).not.toContain('It is full')
  // The browser itself cuts what is pasted.
  await write('x'.repeat(field().maxLength))
  await shows('It is full: 8,000 characters at most.')
})
