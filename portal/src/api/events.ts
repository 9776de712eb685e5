// Events of the gateway: what is shown is asked for again once it changed. While they come, pages ask by themselves only
// now and then; while they don't, every few seconds.
import { useEffect, useSyncExternalStore } from 'react'
import { useQueryClient, type QueryClient } from '@tanstack/react-query'

const ADDRESS = '/api/v1/events'
/** Several changes at once are one question. */
const GATHER_MS = 300
const RETRY_MS = 5_000
/** What an event may change, by the first word of its question. */
const WATCHED = ['conversations', 'conversation', 'messages', 'notes', 'trace', 'escalations', 'approvals', 'notices']
const COUNTED = ['escalations', 'approvals', 'notices']

let live = false
const listeners = new Set<() => void>()

function setLive(now: boolean): void {
  if (live === now) return
  live = now
  for (const listener of listeners) listener()
}

export const isLive = (): boolean => live

/** How often to ask: rarely while events come. */
export const every = (alone: number, besideEvents: number) => (): number => (live ? besideEvents : alone)

export function useIsLive(): boolean {
  return useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, isLive)
}

/** How something is asked for again. */
export type Again = (client: QueryClient, queryKey: readonly unknown[]) => Promise<void>

const anew: Again = (client, queryKey) => client.invalidateQueries({ queryKey })

/** Keeps a stream open while the page is seen: a browser allows six lines to one address, and hidden tabs need none. */
export function useEvents(tenant: string | null | undefined, again: Again = anew): void {
  const client = useQueryClient()
  useEffect(() => {
    if (!tenant || typeof EventSource === 'undefined') return undefined
    const stream = new Stream(client, again)
    const follow = () => (document.hidden ? stream.close() : stream.open())
    follow()
    document.addEventListener('visibilitychange', follow)
    return () => {
      document.removeEventListener('visibilitychange', follow)
      stream.close()
    }
  }, [client, tenant, again])
}

class Stream {
  private source: EventSource | null = null
  private retry: ReturnType<typeof setTimeout> | undefined
  private gathering: ReturnType<typeof setTimeout> | undefined
  private readonly changed = new Map<string, readonly unknown[]>()

  constructor(
    private readonly client: QueryClient,
    private readonly renew: Again,
  ) {}

  private again(queryKey: readonly unknown[]): Promise<void> {
    // What was not to be had now is asked for by the page itself.
    return this.renew(this.client, queryKey).catch(() => undefined)
  }

  open(): void {
    if (this.source) return
    const source = new EventSource(ADDRESS)
    this.source = source
    source.onopen = () => {
      setLive(true)
      this.changes(...WATCHED.map((word) => [word]))
    }
    source.onerror = () => this.failed(source)
    source.addEventListener('conversation', ({ data }) => {
      const { id } = JSON.parse(data as string) as { id: string }
      this.changes(['conversations'], ['conversation', id], ['messages', id], ['notes', id], ['trace', id])
    })
    source.addEventListener('counters', () => this.changes(...COUNTED.map((word) => [word])))
    source.addEventListener('reload', () => this.changes(...WATCHED.map((word) => [word])))
  }

  close(): void {
    clearTimeout(this.retry)
    clearTimeout(this.gathering)
    this.gathering = undefined
    this.changed.clear()
    this.source?.close()
    this.source = null
    setLive(false)
  }

  /** The browser comes back by itself after a broken line, not after a refusal: whoever asks meanwhile renews the session. */
  private failed(source: EventSource): void {
    if (live) {
      setLive(false)
      this.changes(...WATCHED.map((word) => [word]))
    }
    if (source.readyState !== EventSource.CLOSED) return
    this.source = null
    clearTimeout(this.retry)
    this.retry = setTimeout(() => this.open(), RETRY_MS)
  }

  private changes(...keys: (readonly unknown[])[]): void {
    for (const key of keys) this.changed.set(JSON.stringify(key), key)
    this.gathering ??= setTimeout(() => this.ask(), GATHER_MS)
  }

  /** What is being asked for already may come from before the change: it is asked for once more afterwards. */
  private ask(): void {
    this.gathering = undefined
    const waits: (readonly unknown[])[] = []
    for (const queryKey of this.changed.values()) {
      if (this.client.isFetching({ queryKey }) > 0) waits.push(queryKey)
      else void this.again(queryKey)
    }
    this.changed.clear()
    if (waits.length > 0) this.changes(...waits)
  }
}
