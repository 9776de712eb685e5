// People who talk to the agents: asked for, marked, and what was erased of whom.
import { infiniteQueryOptions, keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import type { ContactsSearch } from '../lib/searches'
import { call } from './client'
import { PAGE, WATCHED_MS } from './queries'
import type { PersonBody } from './schema'

/** While one of them is being erased, they are asked for again. */
export const contactsQuery = ({ q, vip }: ContactsSearch) =>
  infiniteQueryOptions({
    queryKey: ['contacts', { q, vip }],
    queryFn: ({ pageParam }) => call('GET /api/v1/people', { query: { cursor: pageParam, limit: PAGE, q, vip } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: ({ state }) => (state.data?.pages.some(({ items }) => items.some((one) => one.is_being_erased)) ? WATCHED_MS : false),
    placeholderData: keepPreviousData,
  })

/** With what is kept of them, which takes a while to count. */
export const contactQuery = (personId: string) =>
  queryOptions({
    queryKey: ['contact', personId],
    queryFn: () => call('GET /api/v1/people/{person_id}', { path: { person_id: personId } }),
    // Who was erased stays so.
    retry: false,
    refetchOnWindowFocus: false,
  })

export const erasuresQuery = queryOptions({
  queryKey: ['erasures'],
  queryFn: () => call('GET /api/v1/privacy/erasures'),
  refetchInterval: ({ state }) => (state.data?.items.some((one) => !one.certificate) ? WATCHED_MS : false),
})

export const retentionQuery = queryOptions({ queryKey: ['retention'], queryFn: () => call('GET /api/v1/privacy/retention') })

/** Whoever shows the mark at once takes it back if the gateway refuses it. Done when the lists are new. */
export function useMark() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, vip }: Pick<PersonBody, 'id' | 'vip'>) => call('PATCH /api/v1/people/{person_id}', { path: { person_id: id }, body: { vip } }),
    onSettled: () => client.invalidateQueries({ queryKey: ['contacts'] }),
  })
}
