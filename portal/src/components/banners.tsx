// What stands above every page: that the line is down, that somebody acts as another, and that the organization is suspended.
import { onlineManager, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { call } from '../api/client'
import type { ImpersonationBody } from '../api/schema'
import { enter, rightsOf, sessionQuery, useSession } from '../api/session'
import { remaining } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Problem } from '../ui/states'

/** The consent may be taken back at any moment: as long as an open stream lives on. */
const LOOK_MS = 4_000
const SECOND_MS = 1_000

export function Banners() {
  const say = useWords()
  const session = useSession()
  return (
    <>
      <Offline />
      {session.impersonation && <ActingBanner acting={session.impersonation} />}
      {session.suspended && rightsOf(session).mayAudit && (
        <aside className="banner bad" aria-label={say('suspended.title')}>
          <p>
            <strong>{say('suspended.title')}</strong> {session.suspended.reason} {say('suspended.for_admins')}
          </p>
        </aside>
      )}
    </>
  )
}

/** As the browser says: a gateway that does not answer is told where it was asked. */
function Offline() {
  const say = useWords()
  const isOnline = useSyncExternalStore(onlineManager.subscribe, () => onlineManager.isOnline())
  return (
    <div role="status" className="offline">
      {!isOnline && (
        <div className="banner bad">
          <p>
            <strong>{say('offline.title')}</strong> {say('offline.text')}
          </p>
        </div>
      )}
    </div>
  )
}

function ActingBanner({ acting }: { acting: ImpersonationBody }) {
  const say = useWords()
  const left = useRemaining(acting)
  const end = useEnd()
  useQuery({ ...sessionQuery, refetchInterval: acting.is_over ? false : LOOK_MS })
  const who = { user: acting.user_name, tenant: acting.tenant_name }
  return (
    <aside className="banner fair" aria-label={say('acting_as.label')}>
      <p>
        <strong>{say(acting.is_over ? 'acting_as.over' : acting.can_write ? 'acting_as.writes' : 'acting_as.reads', who)}</strong>{' '}
        {say('acting_as.why', { reason: acting.reason, ticket: acting.ticket })}
      </p>
      {!acting.is_over && <span role="timer">{say('acting_as.left', { left })}</span>}
      <Button busy={end.isPending} onClick={() => end.mutate()}>
        {say(acting.is_over ? 'acting_as.leave' : 'acting_as.end')}
      </Button>
      <Problem of={end.error} />
    </aside>
  )
}

function useRemaining(acting: ImpersonationBody): string {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const ticking = setInterval(() => setNow(Date.now()), SECOND_MS)
    return () => clearInterval(ticking)
  }, [])
  return remaining(acting.expires_at, now)
}

function useEnd() {
  const client = useQueryClient()
  const navigate = useNavigate()
  return useMutation({
    mutationFn: async () => {
      await call('DELETE /api/v1/impersonation')
      const me = await call('GET /api/v1/me')
      if ('csrf_token' in me) enter(client, me)
      await navigate({ to: '/tenants' })
    },
  })
}

/** In place of the pages, for those who have nothing to look at meanwhile. */
export function Suspended({ reason }: { reason: string }) {
  const say = useWords()
  return (
    <main className="state">
      <h1>{say('suspended.title')}</h1>
      <p>{reason}</p>
      <p>{say('suspended.for_others')}</p>
    </main>
  )
}
