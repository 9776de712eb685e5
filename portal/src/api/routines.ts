// What agents do by the clock: routines, what they come back to, and whose clock and channels these are.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { call } from './client'
import { PAGE, RARELY_MS } from './queries'

/** Times pass: the next one is asked for again. */
export const routinesQuery = queryOptions({ queryKey: ['routines'], queryFn: () => call('GET /api/v1/routines'), refetchInterval: RARELY_MS })

/** All that agents set, or only what they will still come back to. */
export const followUpsQuery = (state?: 'waiting') =>
  infiniteQueryOptions({
    queryKey: ['follow-ups', state ?? 'all'],
    queryFn: ({ pageParam }) => call('GET /api/v1/follow-ups', { query: { state, cursor: pageParam, limit: PAGE } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: RARELY_MS,
  })

export const channelsQuery = queryOptions({ queryKey: ['channels'], queryFn: () => call('GET /api/v1/channels') })

export const officeHoursQuery = queryOptions({ queryKey: ['office-hours'], queryFn: () => call('GET /api/v1/office-hours') })

// Where escalations are shown in Slack.
export const deskQuery = queryOptions({ queryKey: ['escalation-desk'], queryFn: () => call('GET /api/v1/escalation-desk') })
