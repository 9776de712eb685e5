// What the pages ask for, each under one key, so that a change knows what to ask again.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import type { AuditSearch, EscalationSearch, InboxSearch, KnowledgeSearch, MemorySearch } from '../lib/searches'
import { call, callOnce } from './client'
import { every } from './events'

/** Without events: what is watched is asked for again. */
export const WATCHED_MS = 2_000
export const LIST_MS = 4_000
export const NOTICES_MS = 60_000
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

/** Those that fit: looked for by the gateway, among all of them. */
export const fittingQuery = ({ q, channel, who }: InboxSearch) =>
  infiniteQueryOptions({
    queryKey: ['conversations', { q, channel, who }],
    queryFn: ({ pageParam }) => call('GET /api/v1/conversations', { query: { cursor: pageParam, limit: PAGE, q, channel, who } }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    // Words are looked for in all that was said: not again with each event.
    refetchInterval: q ? RARELY_MS : every(LIST_MS, RARELY_MS),
    placeholderData: keepPreviousData,
  })

/** The one that is open, wherever it stands in the list. */
export const conversationQuery = (conversationId: string) =>
  queryOptions({
    queryKey: ['conversation', conversationId],
    queryFn: () => call('GET /api/v1/conversations/{conversation_id}', { path: { conversation_id: conversationId } }),
    refetchInterval: every(LIST_MS, RARELY_MS),
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

export const memoriesQuery = ({ q, person, conversation, view, place }: MemorySearch) =>
  infiniteQueryOptions({
    queryKey: ['memories', { q, person, conversation, view, place }],
    queryFn: ({ pageParam }) =>
      call('GET /api/v1/memories', {
        query: {
          cursor: pageParam,
          limit: PAGE,
          q,
          person_id: person,
          conversation_id: conversation,
          place,
          only: view ? 'fact' : 'message',
          closed: view === 'closed' || undefined,
        },
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
  })

/** While one of them is being read, it is asked for again. */
export const documentsQuery = infiniteQueryOptions({
  queryKey: ['knowledge', 'documents'],
  queryFn: ({ pageParam }) => call('GET /api/v1/knowledge', { query: { cursor: pageParam, limit: PAGE } }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor ?? null,
  refetchInterval: ({ state }) => (state.data?.pages.some(({ items }) => items.some((one) => one.state === 'waiting')) ? WATCHED_MS : false),
})

export const passagesQuery = ({ q, agent }: KnowledgeSearch & { q: string }) =>
  queryOptions({
    queryKey: ['knowledge', 'passages', { q, agent }],
    queryFn: () => call('GET /api/v1/knowledge/search', { query: { q, agent_id: agent } }),
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

/** Somebody else may change one while it is being edited. */
export const agentsQuery = queryOptions({ queryKey: ['agents'], queryFn: () => call('GET /api/v1/agents'), refetchInterval: RARELY_MS })

export const agentVersionsQuery = (agentId: string) =>
  queryOptions({
    queryKey: ['agent-versions', agentId],
    queryFn: () => call('GET /api/v1/agents/{agent_id}/versions', { path: { agent_id: agentId } }),
  })

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

export const signInOptionsQuery = queryOptions({
  queryKey: ['sign-in-options'],
  queryFn: () => callOnce('GET /api/v1/auth/options'),
  staleTime: Infinity,
})

export const identitiesQuery = queryOptions({
  queryKey: ['identities'],
  queryFn: () => call('GET /api/v1/auth/identities'),
})

export const keysQuery = queryOptions({ queryKey: ['keys'], queryFn: () => call('GET /api/v1/api-keys') })

export const consentQuery = queryOptions({ queryKey: ['consent'], queryFn: () => call('GET /api/v1/impersonation/consent') })

export const tenantsQuery = infiniteQueryOptions({
  queryKey: ['tenants'],
  queryFn: ({ pageParam }) => call('GET /api/v1/tenants', { query: pageParam ? { after: pageParam } : {} }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next ?? null,
})

export const deadLettersQuery = infiniteQueryOptions({
  queryKey: ['dead-letters'],
  queryFn: ({ pageParam }) => call('GET /api/v1/dead-letters', { query: { cursor: pageParam ?? undefined, limit: PAGE } }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor ?? null,
  refetchInterval: RARELY_MS,
})

/** Who waits, or whom a human has; `closed` goes back page by page. */
export const escalationsQuery = ({ state = 'waiting', meant }: EscalationSearch) =>
  infiniteQueryOptions({
    queryKey: ['escalations', state, meant ?? 'all'],
    queryFn: ({ pageParam }) => call('GET /api/v1/escalations', { query: { state, meant_for: meant, cursor: pageParam, limit: PAGE } }),
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

export const toolsQuery = queryOptions({ queryKey: ['tools'], queryFn: () => call('GET /api/v1/tools') })

/** What waits: a glance at the clock decides, so it is never long out of date. */
export const waitingApprovalsQuery = infiniteQueryOptions({
  queryKey: ['approvals', 'waiting'],
  queryFn: ({ pageParam }) => call('GET /api/v1/approvals', { query: { state: 'waiting', cursor: pageParam, limit: PAGE } }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor ?? null,
  refetchInterval: every(LIST_MS, RARELY_MS),
})

/** All of them, the newest first. */
export const approvalsQuery = infiniteQueryOptions({
  queryKey: ['approvals', 'all'],
  queryFn: ({ pageParam }) => call('GET /api/v1/approvals', { query: { cursor: pageParam, limit: PAGE } }),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor ?? null,
  refetchInterval: every(LIST_MS, RARELY_MS),
})

export const modelKeysQuery = queryOptions({ queryKey: ['model-keys'], queryFn: () => call('GET /api/v1/llm-keys') })

export const billingQuery = queryOptions({ queryKey: ['billing'], queryFn: () => call('GET /api/v1/billing') })

export const budgetsQuery = queryOptions({
  queryKey: ['budgets'],
  queryFn: () => call('GET /api/v1/budgets'),
  refetchInterval: RARELY_MS,
})
