// The page against a gateway that is well, unwell, silent, or not a gateway.
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StatusPage } from './status'
import { REFRESH_MS } from '../lib/use-readiness'

const POSTGRESQL = { name: 'postgresql', ready: true, required: true, detail: 'ok' }
const REDIS = { name: 'redis', ready: true, required: false, detail: 'ok' }

const gateway = vi.fn<typeof fetch>()
let root: Root
let page: HTMLElement

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  vi.stubGlobal('fetch', gateway)
  page = document.body.appendChild(document.createElement('div'))
  root = createRoot(page)
})

afterEach(() => {
  act(() => root.unmount())
  page.remove()
  gateway.mockReset()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

async function open(): Promise<void> {
  await act(async () => root.render(<StatusPage />))
}

async function pass(milliseconds: number): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(milliseconds))
}

function answers(status: number, checks: object[]): void {
  gateway.mockImplementation(async () => Response.json({ ready: status === 200, checks }, { status }))
}

function status(): string {
  return page.querySelector('.status')?.textContent ?? ''
}

function title(): string | undefined {
  return page.querySelector('#status-title')?.textContent ?? undefined
}

test('until the first answer the page says that it is asking', async () => {
  gateway.mockReturnValue(new Promise(() => undefined))
  await open()
  expect(title()).toBe('Checking …')
  expect(page.querySelector('.status')?.getAttribute('aria-busy')).toBe('true')
})

test('a ready installation shows each dependency', async () => {
  answers(200, [POSTGRESQL, REDIS])
  await open()
  expect(title()).toBe('Ready')
  expect([...page.querySelectorAll('.checks li')].map((row) => row.textContent)).toEqual([
    'PostgreSQLready',
    'Redisready',
  ])
})

test('without Redis it is ready, and says what is missing', async () => {
  answers(200, [POSTGRESQL, { ...REDIS, ready: false, detail: 'no answer within 1 s; working without it, slower' }])
  await open()
  expect(title()).toBe('Ready, but slower than usual')
  expect(status()).toContain('no answer within 1 s')
  expect(status()).toContain('REDIS_URL')
})

test('without PostgreSQL it is not ready, and says what to do', async () => {
  answers(503, [{ ...POSTGRESQL, ready: false, detail: 'connection refused' }, REDIS])
  await open()
  expect(title()).toBe('Not ready')
  expect(status()).toContain('connection refused')
  expect(status()).toContain('konstruct doctor')
})

test('a gateway that does not answer is an error with a way out', async () => {
  gateway.mockRejectedValue(new TypeError('Failed to fetch'))
  await open()
  expect(title()).toBe('The gateway does not answer')
  expect(status()).toContain('make up')
})

test('another program on this address is not taken for the gateway', async () => {
  for (const strange of ['<html>Bad gateway</html>', 'null', '{"ready":true}', '{"ready":true,"checks":[{}]}']) {
    gateway.mockImplementation(async () => new Response(strange, { status: 502 }))
    await open()
    await pass(REFRESH_MS)
    expect(title()).toBe('Something else answers')
    expect(status()).toContain('Status 502')
  }
})

test('the state is refreshed every five seconds, and at once when asked', async () => {
  gateway.mockRejectedValue(new TypeError('Failed to fetch'))
  await open()
  answers(200, [POSTGRESQL, REDIS])
  await pass(REFRESH_MS - 1)
  expect(title()).toBe('The gateway does not answer')
  await pass(1)
  expect(title()).toBe('Ready')

  answers(503, [{ ...POSTGRESQL, ready: false, detail: 'gone' }, REDIS])
  await act(async () => page.querySelector<HTMLButtonElement>('.status .link')?.click())
  expect(title()).toBe('Not ready')
  expect(gateway).toHaveBeenCalledTimes(3)
})

test('a slow answer is waited for: there is one question at a time', async () => {
  gateway.mockReturnValue(new Promise(() => undefined))
  await open()
  await pass(3 * REFRESH_MS)
  expect(gateway).toHaveBeenCalledTimes(1)
})

test('a command is copied; without a clipboard it is selected', async () => {
  answers(200, [POSTGRESQL, REDIS])
  const written: string[] = []
  vi.stubGlobal('navigator', { language: 'en-GB', clipboard: { writeText: async (text: string) => void written.push(text) } })
  await open()
  const button = page.querySelector<HTMLButtonElement>('.steps .command button')
  await act(async () => button?.click())
  expect(written).toEqual(['konstruct chat "My name is Ada. What can you do?"'])
  expect(button?.textContent).toBe('Copied')

  vi.stubGlobal('navigator', { language: 'en-GB' })
  await pass(5_000)
  await act(async () => button?.click())
  expect(button?.textContent).toBe('Press Ctrl+C')
  expect(getSelection()?.toString()).toContain('konstruct chat')
})
