// Who is signed in, and what they may do here.
import { queryOptions, useQueryClient, useSuspenseQuery, type QueryClient } from '@tanstack/react-query'
import { ApiProblem, call, callOnce, holdSession } from './client'
import { dropAll } from '../lib/pending-files'
import { prefer } from '../lib/preferences'
import type { Me, Session } from './schema'

const FRESH_MS = 60_000

/** `null`: nobody is. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: loadSession,
  staleTime: FRESH_MS,
})

async function loadSession(): Promise<Session | null> {
  try {
    const me: Me = await call('GET /api/v1/me')
    return 'csrf_token' in me ? holdSession(me) : null
  } catch (problem) {
    if (problem instanceof ApiProblem && problem.status === 401) return null
    throw problem
  }
}

/** Only for pages below the sign-in, whose route made sure that there is one. */
export function useSession(): Session {
  const { data } = useSuspenseQuery(sessionQuery)
  if (data === null) throw new Error('this page is only for somebody who is signed in')
  return data
}

export interface Rights {
  /** Takeover, reply, whatever changes something. */
  mayChange: boolean
  /** Agents, connections, members, invitations, keys. */
  mayAdministrate: boolean
  /** Read the audit log. */
  mayAudit: boolean
  isOwner: boolean
}

export function rightsOf(session: Session): Rights {
  const mayChange = !session.read_only
  return {
    mayChange,
    mayAdministrate: mayChange && session.role === 'customer_admin',
    mayAudit: session.role === 'customer_admin',
    isOwner: mayChange && session.is_owner,
  }
}

export function useRights(): Rights {
  return rightsOf(useSession())
}

/** Everything known so far was another's, or another tenant's. */
export function enter(client: QueryClient, session: Session): void {
  client.setQueryData(sessionQuery.queryKey, holdSession(session))
  void client.resetQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' })
}

/** Whatever the gateway answers: a line that is down keeps nobody's data on a screen. The page that follows says so. */
export async function signOut(): Promise<void> {
  const heard = await callOnce('POST /api/v1/auth/logout').then(
    () => true,
    () => false,
  )
  await leave(heard ? '/signin' : '/signin?signed_out=unsure')
}

/** With a new page: nothing that was known to the old one stays in this browser. */
export async function leave(to = '/signin'): Promise<void> {
  await dropAll()
  // The gateway's answer let the browser forget these, too.
  prefer({})
  location.replace(to)
}

export function useSwitchTenant(): (tenantId: string) => Promise<void> {
  const client = useQueryClient()
  return async (tenantId) => enter(client, await call('POST /api/v1/auth/tenant', { body: { tenant_id: tenantId } }))
}
