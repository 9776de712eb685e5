// A long list of conversations whose first page is put before what is known.
import { QueryClient } from '@tanstack/react-query'
import { afterEach, expect, test, vi } from 'vitest'
import { freshen, withFirstPage } from './conversations'
import { conversationsQuery } from './queries'
import type { ConversationBody, ConversationList } from './schema'

const page = (ids: string, next: string | null): ConversationList => ({
  items: [...ids].map((id) => ({ id }) as ConversationBody),
  next_cursor: next,
})
const written = (pages: ConversationList[] | undefined) => pages?.map(({ items }) => items.map(({ id }) => id).join('')).join(' ')

afterEach(() => vi.unstubAllGlobals())

test('what is new comes first, what it pushed out next, and nothing twice', () => {
  const known = { pages: [page('abc', '1'), page('def', '2'), page('ghi', null)], pageParams: [null, '1', '2'] }
  const merged = withFirstPage(known, page('xea', '1'))
  expect(written(merged.pages)).toBe('xea bcdf ghi')
  expect(merged.pages.at(-1)?.next_cursor).toBeNull()
  expect(merged.pageParams).toEqual(known.pageParams)
})

test('a short list is asked for anew, a long one only for its beginning', async () => {
  const gateway = vi.fn<typeof fetch>(async () => Response.json(page('x', '1')))
  vi.stubGlobal('fetch', gateway)
  const client = new QueryClient()
  const asked = vi.spyOn(client, 'invalidateQueries')
  client.setQueryData(conversationsQuery.queryKey, { pages: [page('a', '1'), page('b', null)], pageParams: [null, '1'] })
  await freshen(client)
  expect([asked.mock.calls.length, gateway.mock.calls.length]).toEqual([1, 0])
  const pages = ['a', 'b', 'c', 'd'].map((id, at) => page(id, String(at)))
  client.setQueryData(conversationsQuery.queryKey, { pages, pageParams: [null, '0', '1', '2'] })
  await freshen(client)
  expect([asked.mock.calls.length, gateway.mock.calls.length]).toEqual([2, 1])
  expect(written(client.getQueryData(conversationsQuery.queryKey)?.pages)).toBe('x ab c d')
})
