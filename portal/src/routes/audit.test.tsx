// The page of the log, for an admin whose log is whole, broken, or not there to be read.
import { act } from 'react'
import { expect, test, vi } from 'vitest'
import type { Session } from '../api/schema'
import { gateway, open as openAt, page } from './stage'

const EVENT = { n: 3, at: '2026-11-27T12:00:00Z', actor_kind: 'user', actor_id: 'usr_1', actor_name: 'Grace', action: 'memory.forget', target_kind: 'memory', target_id: 'mem_1', detail: { characters: 12 } }

function answers(verdict: object): void {
  gateway.mockImplementation(async (url) => {
    const address = String(url)
    if (address.includes('/audit/verify')) return Response.json(verdict)
    if (address.includes('/audit')) return Response.json({ items: [EVENT], next_cursor: null })
    return Response.json({ items: [] })
  })
}

async function open(change: Partial<Session>): Promise<void> {
  await openAt('/audit', change)
  await vi.waitFor(() => act(async () => expect(page.querySelector('h1')?.textContent).toBe('Audit log')))
}

const buttonOf = (name: string) => [...page.querySelectorAll('button')].find((one) => one.textContent === name)

async function press(name: string): Promise<void> {
  await act(async () => buttonOf(name)?.click())
}

test('acts stand there with who did them, and a whole log says so', async () => {
  answers({ whole: true, events: 3, head: 'abc', fault: null })
  await open({})
  await vi.waitFor(() => expect(page.querySelector('.events')?.textContent).toContain('memory.forget'))
  expect(page.querySelector('.events')?.textContent).toContain('Grace')
  await press('Verify')
  await vi.waitFor(() => expect(page.querySelector('.note.good')?.textContent).toContain('3 rows'))
})

test('a broken log names its row', async () => {
  answers({ whole: false, events: 1, head: 'abc', fault: { n: 2, kind: 'missing', detail: '' } })
  await open({})
  await press('Verify')
  await vi.waitFor(() => expect(page.querySelector('.note.bad')?.textContent).toContain('Row 2 is missing'))
})

test('who may only look is offered no walk, and an operator not even the log', async () => {
  answers({})
  await open({ read_only: true })
  expect(buttonOf('Verify')).toBeUndefined()
  gateway.mockClear()
  await open({ role: 'customer_operator' })
  expect(page.textContent).toContain('Only admins read the audit log')
  expect(gateway.mock.calls.some(([url]) => String(url).includes('/audit'))).toBe(false)
})

/** A log of three pages, of which each waits until it is let go. */
function longLog(): () => Promise<void> {
  const held: (() => void)[] = []
  gateway.mockImplementation(async (url) => {
    const { pathname, searchParams } = new URL(String(url), 'http://localhost')
    if (!pathname.endsWith('/audit')) return Response.json({ items: [] })
    const n = Number(searchParams.get('cursor') ?? 300)
    if (searchParams.get('limit') === '100') await new Promise<void>((go) => held.push(go))
    return Response.json({ items: Array.from({ length: 100 }, (_, at) => ({ ...EVENT, n: n - at })), next_cursor: n > 100 ? String(n - 100) : null })
  })
  return async () => {
    await vi.waitFor(() => act(async () => expect(held).not.toEqual([])))
    await act(async () => held.shift()?.())
  }
}

test('the log comes as a file, all of its pages, with how far it is', async () => {
  const saved: Blob[] = []
  vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => `blob:${saved.push(blob as Blob)}`)
  const go = longLog()
  await openAt('/audit?action=memory', {})
  await vi.waitFor(() => act(async () => expect(buttonOf('Download')).toBeDefined()))
  await press('Download')
  await go()
  await vi.waitFor(() => act(async () => expect(page.textContent).toContain('100 rows …')))
  expect(saved).toHaveLength(0)
  await go()
  await go()
  await vi.waitFor(() => act(async () => expect(page.textContent).toContain('300 rows are in the file')))
  const rows = JSON.parse(await saved[0]!.text())
  expect([rows.length, rows[0].n, rows[299].n]).toEqual([300, 300, 1])
  expect(gateway.mock.calls.filter(([url]) => String(url).includes('limit=100')).every(([url]) => String(url).includes('action=memory'))).toBe(true)
})

test('a file that nobody wants any more is not made', async () => {
  const saved: Blob[] = []
  vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => `blob:${saved.push(blob as Blob)}`)
  const go = longLog()
  await openAt('/audit', {})
  await vi.waitFor(() => act(async () => expect(buttonOf('Download')).toBeDefined()))
  await press('Download')
  await vi.waitFor(() => act(async () => expect(buttonOf('Stop')).toBeDefined()))
  await press('Stop')
  await go()
  await vi.waitFor(() => act(async () => expect(buttonOf('Download')).toBeDefined()))
  expect(saved).toHaveLength(0)
  expect(page.textContent).not.toContain('in the file')
})
