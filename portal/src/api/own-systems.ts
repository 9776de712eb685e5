// The tenant's own systems that are told what happens.
import { infiniteQueryOptions, queryOptions, useQueryClient } from '@tanstack/react-query'
import { call } from './client'
import { PAGE, RARELY_MS, WATCHED_MS } from './queries'

export const ownSystemsQuery = queryOptions({ queryKey: ['own-systems'], queryFn: () => call('GET /api/v1/webhook-endpoints'), refetchInterval: RARELY_MS })

/** What one of them was told, the newest first. Something is told within seconds, and whoever looks wants to see it arrive. */
export const toldQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['own-systems', id],
    queryFn: ({ pageParam }) => call('GET /api/v1/webhook-endpoints/{endpoint_id}/deliveries', { path: { endpoint_id: id }, query: { cursor: pageParam, limit: PAGE } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: WATCHED_MS,
  })

/** Asks again, once something about them was changed. */
export function useSystemsAgain() {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: ownSystemsQuery.queryKey })
}
