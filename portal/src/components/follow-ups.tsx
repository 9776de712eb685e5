// What agents said they would come back to: it can be called off as long as it waits.
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { call } from '../api/client'
import { followUpsQuery } from '../api/routines'
import type { FollowUpBody } from '../api/schema'
import { useRights } from '../api/session'
import { followUpState } from '../lib/routines'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Empty } from '../ui/states'
import { Choice } from '../ui/tabs'
import { Confirm } from './confirm'

export function FollowUps() {
  const say = useWords()
  const [which, setWhich] = useState<'waiting' | 'all'>('waiting')
  const list = useInfiniteQuery(followUpsQuery(which === 'waiting' ? which : undefined))
  return (
    <section aria-label={say('follow_ups.title')}>
      <Choice label={say('follow_ups.which')} options={[['waiting', say('follow_ups.only_waiting')] as const, ['all', say('follow_ups.all')] as const]} value={which} onChange={setWhich} />
      <Asking query={list}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items)
          if (items.length === 0) {
            return (
              <Empty title={say(which === 'waiting' ? 'follow_ups.none_waiting' : 'follow_ups.none')}>
                <p>{say('follow_ups.none_text')}</p>
                <Link className="button" to="/agents" search={{}}>
                  {say('follow_ups.agents')}
                </Link>
              </Empty>
            )
          }
          return (
            <ul className="lines panel">
              {items.map((one) => (
                <Line key={one.id} one={one} />
              ))}
            </ul>
          )
        }}
      </Asking>
      {list.hasNextPage && (
        <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {say('approvals.more')}
        </Button>
      )}
    </section>
  )
}

function Line({ one }: { one: FollowUpBody }) {
  const say = useWords()
  const { mayChange } = useRights()
  const client = useQueryClient()
  const [word, mood] = followUpState(one.state)
  const waits = one.state === 'waiting'
  return (
    <li>
      <span>
        <Link to="/inbox" search={{ conversation: one.conversation_id }} className="said">
          {one.about || say('follow_ups.forgotten')}
        </Link>
        <span className="quiet">
          {one.person} · {say(waits ? 'follow_ups.due' : 'follow_ups.was_due', { when: moment(one.due_at) })}
        </span>
      </span>
      <Badge mood={mood}>{say(word)}</Badge>
      {waits && mayChange && (
        <Confirm
          label={say('follow_ups.cancel')}
          name={one.about}
          title={say('follow_ups.cancel_title')}
          text={say('follow_ups.cancel_text', { person: one.person })}
          act={() => call('DELETE /api/v1/follow-ups/{follow_up_id}', { path: { follow_up_id: one.id } }).then(() => client.invalidateQueries({ queryKey: ['follow-ups'] }))}
        />
      )}
    </li>
  )
}
