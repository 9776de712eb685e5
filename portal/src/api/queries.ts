// What the pages ask for, each under one key, so that a change knows what to ask again.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { ownZone, spanOf } from '../lib/money'
import type { AuditSearch, EscalationSearch, MemorySearch, UsageSearch } from '../lib/searches'
import { call } from './client'
import { every } from './events'

/** Without events: what is watched is asked for again. */
const WATCHED_MS = 2_000
export const LIST_MS = 4_000
const NOTICES_MS = 60_000
/** Beside them: for what they do not tell, such as an edit in a conversation of long ago. */
export const RARELY_MS = 30_000
export const PAGE = 50
/** A list of more pages is long: only its first one is kept fresh. */
export const LONG_PAGES = 3
const TRACE_PAGE = 20

export const conversationsQuery = infiniteQueryOptions({
  queryKey: ['conversations'],
  queryFn: ({ pageParam }) => call('GET /api/v1/conversations', { query: { cursor: pageParam, limit: PAGE } }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor ?? null,
  refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > LONG_PAGES ? false : every(LIST_MS, RARELY_MS)()),
})

export const messagesQuery = (conversationId: string) =>
  infiniteQueryOptions({
    queryKey: ['messages', conversationId],
    queryFn: ({ pageParam }) =>
      call('GET /api/v1/conversations/{conversation_id}/messages', {
        path: { conversation_id: conversationId },
        query: { cursor: pageParam, limit: PAGE },
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: every(WATCHED_MS, RARELY_MS),
  })

/** What is recorded of a conversation's answers; they are watched while the panel is open. */
export const traceQuery = (conversationId: string) =>
  infiniteQueryOptions({
    queryKey: ['trace', conversationId],
    queryFn: ({ pageParam }) =>
      call('GET /api/v1/conversations/{conversation_id}/trace', {
        path: { conversation_id: conversationId },
        query: { cursor: pageParam, limit: TRACE_PAGE },
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: every(LIST_MS, RARELY_MS),
  })

export const memoriesQuery = ({ q, person, conversation }: MemorySearch) =>
  infiniteQueryOptions({
    queryKey: ['memories', { q, person, conversation }],
    queryFn: ({ pageParam }) =>
      call('GET /api/v1/memories', {
        query: { cursor: pageParam, limit: PAGE, q, person_id: person, conversation_id: conversation },
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  })

export const memoryQuery = (memoryId: string) =>
  queryOptions({
    queryKey: ['memory', memoryId],
    queryFn: () => call('GET /api/v1/memories/{memory_id}', { path: { memory_id: memoryId } }),
    // What was forgotten stays so.
    retry: false,
  })

export const auditQuery = ({ action, actor }: AuditSearch) =>
  infiniteQueryOptions({
    queryKey: ['audit', { action, actor }],
    queryFn: ({ pageParam }) => call('GET /api/v1/audit', { query: { cursor: pageParam, limit: PAGE, action, actor } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  })

export const agentsQuery = queryOptions({ queryKey: ['agents'], queryFn: () => call('GET /api/v1/agents') })

export const connectionsQuery = queryOptions({
  queryKey: ['connections'],
  queryFn: () => call('GET /api/v1/connections'),
  refetchInterval: LIST_MS,
})

export const templatesQuery = (connectionId: string) =>
  queryOptions({
    queryKey: ['templates', connectionId],
    queryFn: () => call('GET /api/v1/connections/{id}/templates', { path: { id: connectionId } }),
  })

export const noticesQuery = queryOptions({
  queryKey: ['notices'],
  queryFn: () => call('GET /api/v1/notices'),
  refetchInterval: NOTICES_MS,
})

export const membersQuery = queryOptions({ queryKey: ['members'], queryFn: () => call('GET /api/v1/members') })

export const invitationsQuery = queryOptions({
  queryKey: ['invitations'],
  queryFn: () => call('GET /api/v1/invitations'),
})

export const devicesQuery = queryOptions({
  queryKey: ['devices'],
  queryFn: () => call('GET /api/v1/auth/sessions'),
})

export const keysQuery = queryOptions({ queryKey: ['keys'], queryFn: () => call('GET /api/v1/api-keys') })

export const tenantsQuery = infiniteQueryOptions({
  queryKey: ['tenants'],
  queryFn: ({ pageParam }) => call('GET /api/v1/tenants', { query: pageParam ? { after: pageParam } : {} }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next ?? null,
})

/** Who waits, or whom a human has; `closed` goes back page by page. */
export const escalationsQuery = ({ state = 'waiting' }: EscalationSearch) =>
  infiniteQueryOptions({
    queryKey: ['escalations', state],
    queryFn: ({ pageParam }) => call('GET /api/v1/escalations', { query: { state, cursor: pageParam, limit: PAGE } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: every(LIST_MS, RARELY_MS),
  })

export const rulesQuery = queryOptions({ queryKey: ['rules'], queryFn: () => call('GET /api/v1/escalation-rules') })

export const ruleVersionsQuery = (ruleId: string) =>
  queryOptions({
    queryKey: ['rule-versions', ruleId],
    queryFn: () => call('GET /api/v1/escalation-rules/{rule_id}/versions', { path: { rule_id: ruleId } }),
  })

export const modelKeysQuery = queryOptions({ queryKey: ['model-keys'], queryFn: () => call('GET /api/v1/llm-keys') })

export const billingQuery = queryOptions({ queryKey: ['billing'], queryFn: () => call('GET /api/v1/billing') })

export const budgetsQuery = queryOptions({
  queryKey: ['budgets'],
  queryFn: () => call('GET /api/v1/budgets'),
  refetchInterval: RARELY_MS,
})

/** The ledger of the reader's own days. */
export const usageQuery = (by: 'day' | NonNullable<UsageSearch['by']>, days: number) => {
  const span = spanOf(days)
  return queryOptions({
    queryKey: ['usage', by, span],
    queryFn: () => call('GET /api/v1/usage', { query: { by, ...span, time_zone: ownZone() } }),
    refetchInterval: NOTICES_MS,
  })
}
