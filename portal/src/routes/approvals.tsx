// /approvals: calls that wait for a second person, the oldest first, and what became of the others.
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { approvalsQuery, waitingApprovalsQuery } from '../api/queries'
import type { ApprovalBody } from '../api/schema'
import { useRights } from '../api/session'
import { ApprovalCard, useDecide } from '../components/approval-card'
import { PageHead } from '../components/page-head'
import { withSeen } from '../lib/approvals'
import { neighbour } from '../lib/conversations'
import { useShortcuts } from '../lib/use-shortcuts'
import { useNow } from '../lib/waiting'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Asking, Empty } from '../ui/states'
import { Tabs } from '../ui/tabs'

const route = getRouteApi('/app/approvals')
const TICK_MS = 1_000

export function ApprovalsPage() {
  const say = useWords()
  const { state } = route.useSearch()
  return (
    <main className="content">
      <PageHead title={say('nav.approvals')} text={say('approvals.text')}>
        <Link className="button" to="/tools" search={{}}>
          {say('nav.tools')}
        </Link>
      </PageHead>
      <Tabs label={say('approvals.which')}>
        <Link className="choice" to="/approvals" search={{}} activeOptions={{ exact: true, includeSearch: true }} aria-current={state ? undefined : 'page'}>
          {say('approvals.waiting')}
        </Link>
        <Link className="choice" to="/approvals" search={{ state: 'over' }} activeOptions={{ exact: true, includeSearch: true }}>
          {say('approvals.over')}
        </Link>
      </Tabs>
      {state === 'over' ? <Over /> : <Waiting />}
    </main>
  )
}

function Waiting() {
  const say = useWords()
  const { approval: chosen } = route.useSearch()
  const navigate = useNavigate()
  const { mayChange } = useRights()
  const waiting = useInfiniteQuery(waitingApprovalsQuery)
  const all = useInfiniteQuery(approvalsQuery)
  const now = useNow(TICK_MS)
  const asked = waiting.data?.pages.flatMap((page) => page.items) ?? []
  const seen = useSeen(asked)
  const shown = withSeen(asked, all.data?.pages.flatMap((page) => page.items) ?? [], seen)
  const decide = useDecide()
  const choose = (approval: string | undefined) => void navigate({ to: '/approvals', search: { approval }, replace: true })
  const step = (by: 1 | -1) => {
    const next = neighbour(shown.map(({ id }) => id), chosen, by)
    if (next !== undefined) choose(next)
    document.getElementById(`approval-${next}`)?.scrollIntoView({ block: 'nearest' })
  }
  const press = (isApproved: boolean) => () => {
    // Only what one has chosen: a key pressed by mistake decides nothing.
    const about = shown.find(({ id, state }) => id === chosen && state === 'waiting')
    if (about && mayChange && !decide.isPending) decide.mutate({ id: about.id, isApproved })
  }
  useShortcuts({ j: () => step(1), k: () => step(-1), a: press(true), d: press(false), Escape: () => choose(undefined) })
  return (
    <>
      <Asking query={waiting}>
        {() =>
          shown.length === 0 ? (
            <Empty title={say('approvals.none')}>
              <p>{say('approvals.none_text')}</p>
            </Empty>
          ) : (
            <>
              {mayChange && (
                <p className="quiet key-hint">
                  <kbd>j</kbd> <kbd>k</kbd> {say('approvals.keys_choose')} <kbd>a</kbd> {say('approvals.keys_approve')} <kbd>d</kbd> {say('approvals.keys_deny')}
                </p>
              )}
              <ul className="cards">
                {shown.map((approval) => (
                  <ApprovalCard key={approval.id} about={approval} now={now} decide={decide} isChosen={approval.id === chosen} onChoose={() => choose(approval.id)} />
                ))}
              </ul>
            </>
          )
        }
      </Asking>
      <More list={waiting} />
    </>
  )
}

/** What waited while this page was open. */
function useSeen(asked: ApprovalBody[]): ReadonlySet<string> {
  const [seen, setSeen] = useState<ReadonlySet<string>>(new Set())
  const ids = asked.map(({ id }) => id).join(' ')
  useEffect(() => {
    if (ids !== '') setSeen((before) => new Set([...before, ...ids.split(' ')]))
  }, [ids])
  return seen
}

function Over() {
  const say = useWords()
  const all = useInfiniteQuery(approvalsQuery)
  const now = useNow()
  const decide = useDecide()
  const shown = all.data?.pages.flatMap((page) => page.items).filter(({ state }) => state !== 'waiting') ?? []
  return (
    <>
      <Asking query={all}>
        {() =>
          shown.length === 0 ? (
            <Empty title={say('approvals.none_over')}>
              <p>{say('approvals.none_over_text')}</p>
            </Empty>
          ) : (
            <ul className="cards">
              {shown.map((approval) => (
                <ApprovalCard key={approval.id} about={approval} now={now} decide={decide} isChosen={false} />
              ))}
            </ul>
          )
        }
      </Asking>
      <More list={all} />
    </>
  )
}

function More({ list }: { list: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  const say = useWords()
  return list.hasNextPage ? (
    <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
      {say('approvals.more')}
    </Button>
  ) : null
}
