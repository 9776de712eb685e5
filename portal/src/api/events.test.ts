// The stream of events: what it names is asked for again, and pages ask by themselves while it is away.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, createElement } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { every, isLive, useEvents } from './events'

class FakeSource extends EventTarget {
  static readonly CLOSED = 2
  static opened: FakeSource[] = []
  readyState = 0
  onopen: (() => void) | null = null
  onerror: (() => void) | null = null
  constructor(readonly address: string) {
    super()
    FakeSource.opened.push(this)
  }
  close(): void {
    this.readyState = FakeSource.CLOSED
  }
  tell(name: string, data: object): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }))
  }
}

const client = new QueryClient()
const asked = vi.spyOn(client, 'invalidateQueries')
const named = () => asked.mock.calls.map(([filter]) => (filter?.queryKey ?? []).join(' '))
let root: Root

function Page({ tenant }: { tenant: string | null }) {
  useEvents(tenant)
  return null
}

beforeEach(() => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  vi.stubGlobal('EventSource', FakeSource)
  vi.useFakeTimers()
  FakeSource.opened = []
  asked.mockReset().mockResolvedValue()
  root = createRoot(document.createElement('div'))
})

afterEach(() => {
  act(() => root.unmount())
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function open(tenant: string | null = 'ten_1'): FakeSource | undefined {
  act(() => root.render(createElement(QueryClientProvider, { client }, createElement(Page, { tenant }))))
  const source = FakeSource.opened.at(-1)
  source?.onopen?.()
  vi.runOnlyPendingTimers()
  asked.mockClear()
  return source
}

test('an event asks for its conversation and the list, several at once for each only once', () => {
  const source = open()
  expect(source?.address).toBe('/api/v1/events')
  source?.tell('conversation', { id: 'cnv_1' })
  source?.tell('conversation', { id: 'cnv_1' })
  source?.tell('counters', { waiting: 1, unseen: 0 })
  vi.runOnlyPendingTimers()
  expect(named().sort()).toEqual(['approvals', 'conversation cnv_1', 'conversations', 'escalations', 'messages cnv_1', 'notes cnv_1', 'notices', 'trace cnv_1'])
})

test('while events come, pages ask rarely; without them, often', () => {
  const interval = every(2_000, 30_000)
  expect(interval()).toBe(2_000)
  const source = open()
  expect([isLive(), interval()]).toEqual([true, 30_000])
  source?.onerror?.()
  vi.runOnlyPendingTimers()
  expect([isLive(), interval()]).toEqual([false, 2_000])
  // What was to be asked rarely is asked again at once, and often from then on.
  expect(named()).toContain('conversations')
})

test('after a refusal it is tried again, and a page without a tenant opens none', () => {
  const source = open()
  if (source) source.readyState = FakeSource.CLOSED
  source?.onerror?.()
  vi.advanceTimersByTime(5_000)
  expect(FakeSource.opened).toHaveLength(2)
  act(() => root.unmount())
  root = createRoot(document.createElement('div'))
  expect(FakeSource.opened.every((one) => one === source || one.readyState === FakeSource.CLOSED)).toBe(true)
  FakeSource.opened = []
  expect(open(null)).toBeUndefined()
})
