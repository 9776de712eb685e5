// The frame of every page below the sign-in: where one is, what else there is, and for which tenant one speaks.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useState } from 'react'
import { again } from '../api/conversations'
import { useEvents } from '../api/events'
import { escalationsQuery, noticesQuery, waitingApprovalsQuery } from '../api/queries'
import { rightsOf, signOut, useSession, useSwitchTenant } from '../api/session'
import { isOfBilling, isOfConnections, isOfMoney, isOfSends, type About } from '../lib/notices'
import { roleWord } from '../lib/roles'
import { useWords, type Word } from '../lib/words'
import { Badge } from '../ui/badge'
import { Icon, type IconName } from '../ui/icon'
import { Loading } from '../ui/states'
import { Banners, Suspended } from './banners'
import { SignInAgain } from './sign-in-again'

const NoTenant = lazy(() => import('./choose-tenant').then((module) => ({ default: module.NoTenant })))

interface Place {
  to:
    | '/inbox'
    | '/escalations'
    | '/approvals'
    | '/contacts'
    | '/memory'
    | '/knowledge'
    | '/agents'
    | '/routines'
    | '/cases'
    | '/tools'
    | '/rules'
    | '/model-keys'
    | '/connections'
    | '/analytics'
    | '/usage'
    | '/budgets'
    | '/billing'
    | '/people'
    | '/audit'
    | '/settings'
    | '/status'
    | '/tenants'
    | '/dead-letters'
    | '/system'
  icon: IconName
  word: Word
  /** Shown to admins, also to those who may only look. */
  forAdmins?: boolean
  /** Set off from the places before: another kind of work begins. */
  begins?: boolean
}

const PLACES: Place[] = [
  { to: '/inbox', icon: 'inbox', word: 'nav.inbox' },
  { to: '/escalations', icon: 'escalations', word: 'nav.escalations' },
  { to: '/approvals', icon: 'approvals', word: 'nav.approvals' },
  { to: '/contacts', icon: 'contacts', word: 'nav.contacts' },
  { to: '/memory', icon: 'memory', word: 'nav.memory' },
  { to: '/knowledge', icon: 'knowledge', word: 'nav.knowledge' },
  { to: '/agents', icon: 'agents', word: 'nav.agents', begins: true },
  { to: '/routines', icon: 'routines', word: 'nav.routines' },
  { to: '/cases', icon: 'cases', word: 'nav.cases' },
  { to: '/tools', icon: 'tools', word: 'nav.tools' },
  { to: '/rules', icon: 'rules', word: 'nav.rules' },
  { to: '/model-keys', icon: 'keys', word: 'nav.model_keys' },
  { to: '/connections', icon: 'connections', word: 'nav.connections' },
  { to: '/analytics', icon: 'analytics', word: 'nav.analytics', begins: true },
  { to: '/usage', icon: 'usage', word: 'nav.usage' },
  { to: '/budgets', icon: 'budgets', word: 'nav.budgets' },
  { to: '/billing', icon: 'billing', word: 'nav.billing' },
  { to: '/people', icon: 'people', word: 'nav.people', begins: true },
  { to: '/audit', icon: 'audit', word: 'nav.audit', forAdmins: true },
  { to: '/settings', icon: 'settings', word: 'nav.settings' },
  { to: '/status', icon: 'status', word: 'nav.status' },
]

/** Pages that need no tenant. */
const OF_PLATFORM = ['/tenants', '/dead-letters', '/system']

export function Shell() {
  const say = useWords()
  const session = useSession()
  useEvents(session.tenant_id, again)
  const path = useLocation({ select: (location) => location.pathname })
  const own = PLACES.filter(({ forAdmins }) => !forAdmins || rightsOf(session).mayAudit)
  const places: Place[] = session.user.is_platform_admin && !session.impersonation
    ? [...own, { to: '/tenants', icon: 'tenants', word: 'nav.tenants', begins: true }, { to: '/dead-letters', icon: 'platform', word: 'nav.dead_letters' }, { to: '/system', icon: 'system', word: 'nav.system' }]
    : own
  const isOfPlatform = OF_PLATFORM.some((to) => path.startsWith(to))
  const isShutOut = session.suspended && !rightsOf(session).mayAudit && !isOfPlatform
  const here = places.find(({ to }) => path.startsWith(to))

  useEffect(() => {
    document.title = here ? `${say(here.word)} · Konstruct` : 'Konstruct'
  }, [here, say])

  // On a phone the places stand in one line, longer than the screen.
  useEffect(() => {
    document.querySelector('.side nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [path])

  return (
    <div className="shell">
      <a className="skip" href="#page">
        {say('nav.skip')}
      </a>
      <aside className="side">
        <TenantSwitch />
        <nav aria-label={say('nav.label')}>
          {places.map((place) => (
            <Link key={place.to} to={place.to} className={place.begins ? 'place begins' : 'place'} activeProps={{ 'aria-current': 'page' }}>
              <Icon name={place.icon} />
              <span>{say(place.word)}</span>
              {place.to === '/escalations' && session.tenant_id && <Waiting />}
              {place.to === '/inbox' && session.tenant_id && <UnseenNotices about={isOfSends} />}
              {place.to === '/approvals' && session.tenant_id && <Approvals />}
              {place.to === '/connections' && <UnseenNotices about={isOfConnections} />}
              {place.to === '/budgets' && <UnseenNotices about={isOfMoney} />}
              {place.to === '/billing' && <UnseenNotices about={isOfBilling} />}
            </Link>
          ))}
        </nav>
        <Me />
      </aside>
      <div className="page" id="page" tabIndex={-1}>
        <Banners />
        <Suspense fallback={<Loading />}>
          {isShutOut ? <Suspended reason={session.suspended?.reason ?? ''} /> : session.tenant_id || isOfPlatform ? <Outlet /> : <NoTenant />}
        </Suspense>
      </div>
      <SignInAgain />
    </div>
  )
}

function TenantSwitch() {
  const say = useWords()
  const session = useSession()
  const change = useSwitchTenant()
  const navigate = useNavigate()
  const [isBusy, setBusy] = useState(false)
  if (session.memberships.length < 2 || session.impersonation) {
    return (
      <p className="tenant">
        <img src="/favicon.svg" alt="" width="22" height="22" />
        <span>{session.tenant_name ?? 'Konstruct'}</span>
      </p>
    )
  }
  const choose = async (tenantId: string) => {
    setBusy(true)
    // What the address names belongs to the tenant before.
    await change(tenantId)
      .then(() => navigate({ to: '/inbox' }))
      .finally(() => setBusy(false))
  }
  return (
    <p className="tenant">
      <img src="/favicon.svg" alt="" width="22" height="22" />
      <select aria-label={say('nav.tenant')} value={session.tenant_id ?? ''} disabled={isBusy} onChange={(event) => void choose(event.target.value)}>
        {session.memberships.map((membership) => (
          <option key={membership.tenant_id} value={membership.tenant_id}>
            {membership.tenant_name}
          </option>
        ))}
      </select>
    </p>
  )
}

function Waiting() {
  const { data } = useInfiniteQuery(escalationsQuery({}))
  return <Count pages={data?.pages} word="nav.waiting" />
}

function Approvals() {
  const { data } = useInfiniteQuery(waitingApprovalsQuery)
  return <Count pages={data?.pages} word="nav.waiting_approvals" />
}

function Count({ pages = [], word }: { pages?: { items: unknown[]; next_cursor?: string | null }[]; word: 'nav.waiting' | 'nav.waiting_approvals' }) {
  const say = useWords()
  const waiting = pages.flatMap(({ items }) => items).length
  const count = pages.at(-1)?.next_cursor ? `${waiting}+` : String(waiting)
  return waiting > 0 ? (
    <Badge mood="fair">
      <span aria-hidden="true">{count}</span>
      <span className="for-readers">{say(word, { count })}</span>
    </Badge>
  ) : null
}

function UnseenNotices({ about }: { about: About }) {
  const say = useWords()
  const { data } = useQuery(noticesQuery)
  const unseen = data?.items.filter((notice) => !notice.seen_at && about(notice)).length ?? 0
  return unseen > 0 ? (
    <Badge mood="bad">
      <span aria-hidden="true">{unseen}</span>
      <span className="for-readers">{say('nav.unseen', { count: unseen })}</span>
    </Badge>
  ) : null
}

function Me() {
  const say = useWords()
  const { user, role, read_only } = useSession()
  return (
    <div className="me">
      <p>
        <strong>{user.name}</strong>
        <span>{read_only ? `${say(roleWord(role))}, ${say('role.read_only')}` : say(roleWord(role))}</span>
      </p>
      <button type="button" className="link" onClick={() => void signOut()}>
        {say('nav.sign_out')}
      </button>
    </div>
  )
}
