// What is being sent at this moment, by any page of this tab: leaving a page ends nothing.
import type { QueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import { ApiProblem, call } from '../api/client'
import { sendDocument } from '../api/upload'
import { drop, keep, keptOf, type Pending } from './pending-files'

export interface Upload {
  pending: Pending
  /** From 0 to 1. */
  part: number
  problem: unknown
}

/** As many as the gateway takes at once would leave none for others. */
const AT_ONCE = 2
/** What the gateway keeps a document under may be a little older than the browser's clock says. */
const CLOCKS_DIFFER_MS = 5 * 60_000
const LATEST = 100

let uploads: Upload[] = []
const listeners = new Set<() => void>()
const running = new Map<string, AbortController>()

function set(next: Upload[]): void {
  uploads = next
  for (const listener of listeners) listener()
}

const change = (id: string, about: Partial<Upload>) => set(uploads.map((one) => (one.pending.id === id ? { ...one, ...about } : one)))
const remove = (id: string) => set(uploads.filter(({ pending }) => pending.id !== id))

export function useUploads(owner: string): Upload[] {
  const all = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => uploads,
  )
  return all.filter(({ pending }) => pending.owner === owner)
}

/** Takes files to be sent. */
export function give(client: QueryClient, pendings: Pending[]): void {
  set([...uploads, ...pendings.map((pending) => ({ pending, part: 0, problem: null }))])
  // The page shows it at once; whether the browser keeps it decides only what a reload does.
  void Promise.all(pendings.map(keep)).then(() => go(client))
}

/** What a page before this one left behind is sent again, unless it arrived after all. */
export async function resume(client: QueryClient, owner: string): Promise<void> {
  const known = new Set(uploads.map(({ pending }) => pending.id))
  const left = (await keptOf(owner)).filter(({ id }) => !known.has(id))
  if (left.length === 0) return
  const { items } = await call('GET /api/v1/knowledge', { query: { limit: LATEST } })
  const arrived = left.filter((one) => items.some(({ name, size, created_at: at }) => name === one.name && size === one.file.size && Date.parse(at) > Date.parse(one.since) - CLOCKS_DIFFER_MS))
  await Promise.all(arrived.map(({ id }) => drop(id)))
  const again = left.filter((one) => !arrived.includes(one) && !uploads.some(({ pending }) => pending.id === one.id))
  set([...uploads, ...again.map((pending) => ({ pending, part: 0, problem: null }))])
  go(client)
}

export function retry(client: QueryClient, id: string): void {
  change(id, { problem: null, part: 0 })
  go(client)
}

export async function giveUp(id: string): Promise<void> {
  running.get(id)?.abort()
  remove(id)
  await drop(id)
}

function go(client: QueryClient): void {
  const waiting = uploads.filter(({ pending, problem }) => problem === null && !running.has(pending.id))
  for (const { pending } of waiting.slice(0, Math.max(0, AT_ONCE - running.size))) {
    running.set(pending.id, new AbortController())
    void alone(pending.id, () => send(client, pending)).finally(() => {
      running.delete(pending.id)
      go(client)
    })
  }
}

/** Two tabs that both found it send it once. */
async function alone(id: string, act: () => Promise<void>): Promise<void> {
  if (!('locks' in navigator)) return act()
  await navigator.locks.request(`konstruct-upload-${id}`, { ifAvailable: true }, async (lock) => {
    if (lock === null) remove(id)
    else await act()
  })
}

async function send(client: QueryClient, pending: Pending): Promise<void> {
  try {
    await sendDocument(pending.file, pending, (part) => change(pending.id, { part }), running.get(pending.id)?.signal)
    await drop(pending.id)
    await client.invalidateQueries({ queryKey: ['knowledge'] })
    remove(pending.id)
  } catch (problem) {
    if (problem instanceof DOMException) return
    change(pending.id, { problem })
    // What was refused for what it is will be refused again: a reload should not send it anew.
    if (problem instanceof ApiProblem && problem.status < 500) await drop(pending.id)
  }
}
