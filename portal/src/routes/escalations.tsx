// /escalations: who waits for a human, why, and for how long; whom a human has; and what is over.
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { escalationsQuery } from '../api/queries'
import type { EscalationSearch } from '../lib/searches'
import { EscalationCard } from '../components/escalation-card'
import { PageHead } from '../components/page-head'
import { useNow } from '../lib/waiting'
import { useWords, type Word } from '../lib/words'
import { Button } from '../ui/button'
import { Asking, Empty } from '../ui/states'
import { Tabs } from '../ui/tabs'

const route = getRouteApi('/app/escalations')
const STATES: [NonNullable<EscalationSearch['state']>, Word, Word, Word][] = [
  ['waiting', 'escalations.waiting', 'escalations.none_waiting', 'escalations.none_waiting_text'],
  ['human', 'escalations.human', 'escalations.none_human', 'escalations.none_human_text'],
  ['closed', 'escalations.closed', 'escalations.none_closed', 'escalations.none_closed_text'],
]

export function EscalationsPage() {
  const say = useWords()
  const search = route.useSearch()
  const { state = 'waiting', meant } = search
  const list = useInfiniteQuery(escalationsQuery(search))
  const now = useNow()
  const items = list.data?.pages.flatMap((page) => page.items) ?? []
  // Who waits longest is first in line; what is over is read from its end.
  const shown = state === 'waiting' ? [...items].sort((one, other) => one.opened_at.localeCompare(other.opened_at)) : items
  const [, , none, noneText] = STATES.find(([one]) => one === state) ?? STATES[0] ?? []
  return (
    <main className="content">
      <PageHead title={say('nav.escalations')} text={say('escalations.text')}>
        <Link className="button" to="/rules">
          {say('escalations.rules')}
        </Link>
      </PageHead>
      <Tabs label={say('escalations.which')}>
        {STATES.map(([one, word]) => (
          <Link key={one} className="choice" to="/escalations" search={{ state: one === 'waiting' ? undefined : one, meant }} activeOptions={{ exact: true, includeSearch: true }}>
            {say(word)}
          </Link>
        ))}
      </Tabs>
      <Tabs label={say('escalations.for_whom')}>
        {([undefined, 'me'] as const).map((one) => (
          <Link key={one ?? 'all'} className="choice" to="/escalations" search={{ state: search.state, meant: one }} activeOptions={{ exact: true, includeSearch: true }}>
            {say(one ? 'escalations.for_me' : 'escalations.for_all')}
          </Link>
        ))}
      </Tabs>
      <Asking query={list}>
        {() =>
          shown.length === 0 && none && noneText ? (
            <Empty title={say(meant ? 'escalations.none_for_me' : none)}>
              <p>{say(meant ? 'escalations.none_for_me_text' : noneText)}</p>
            </Empty>
          ) : (
            <ul className="cards">
              {shown.map((escalation) => (
                <EscalationCard key={escalation.id} about={escalation} now={now} />
              ))}
            </ul>
          )
        }
      </Asking>
      {list.hasNextPage && (
        <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {say('escalations.more')}
        </Button>
      )}
    </main>
  )
}
