// /dead-letters: jobs that were given up, of all tenants, for who looks after the platform. What a job is about stays its
// tenant's.
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiProblem, call } from '../api/client'
import { deadLettersQuery } from '../api/queries'
import type { DeadLetterBody } from '../api/schema'
import { PageHead } from '../components/page-head'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Asking, Empty, Problem } from '../ui/states'

export function DeadLettersPage() {
  const say = useWords()
  const letters = useInfiniteQuery(deadLettersQuery)
  const [told, setTold] = useState<string | null>(null)
  const items = letters.data?.pages.flatMap((page) => page.items) ?? []
  const isForbidden = letters.error instanceof ApiProblem && letters.error.status === 403
  return (
    <main className="content">
      <PageHead title={say('nav.dead_letters')} text={say('letters.text')} />
      <p className="note good" role="status" hidden={told === null}>
        {told}
      </p>
      {isForbidden ? (
        <Empty title={say('letters.forbidden')}>
          <p>{say('letters.forbidden_text')}</p>
        </Empty>
      ) : (
        <Asking query={letters}>
          {() =>
            items.length === 0 ? (
              <Empty title={say('letters.empty')}>
                <p>{say('letters.empty_text')}</p>
              </Empty>
            ) : (
              <ul className="lines panel letters">
                {items.map((letter) => (
                  <Letter key={letter.id} letter={letter} onTold={setTold} />
                ))}
              </ul>
            )
          }
        </Asking>
      )}
      {letters.hasNextPage && (
        <Button busy={letters.isFetchingNextPage} onClick={() => void letters.fetchNextPage()}>
          {say('letters.more')}
        </Button>
      )}
    </main>
  )
}

function Letter({ letter, onTold }: { letter: DeadLetterBody; onTold: (what: string) => void }) {
  const say = useWords()
  const client = useQueryClient()
  const [isAsked, setAsked] = useState(false)
  const path = { job_id: letter.id }
  const onSettled = () => client.invalidateQueries({ queryKey: deadLettersQuery.queryKey })
  const retry = useMutation({
    mutationFn: () => call('POST /api/v1/dead-letters/{job_id}/retry', { path }),
    onSuccess: () => onTold(say('letters.retried', { kind: letter.kind })),
    onSettled,
  })
  const discard = useMutation({
    mutationFn: () => call('POST /api/v1/dead-letters/{job_id}/discard', { path }),
    onSuccess: () => onTold(say('letters.discarded', { kind: letter.kind })),
    onSettled,
  })
  const named = { kind: letter.kind, tenant: letter.tenant }
  const at = letter.given_up_at ?? letter.created_at
  return (
    <li>
      <span>
        <code>{letter.kind}</code>
        <span className="quiet">
          {letter.tenant} · {say('letters.tried', { count: letter.attempts })} ·{' '}
          <time dateTime={at} title={moment(at)}>
            {ago(at)}
          </time>
        </span>
        <span className="reason bad">{letter.error ?? say('letters.died')}</span>
      </span>
      <Button busy={retry.isPending} aria-label={say('letters.retry_of', named)} onClick={() => retry.mutate()}>
        {say('letters.retry')}
      </Button>
      <Button look="quiet" aria-label={say('letters.discard_of', named)} onClick={() => setAsked(true)}>
        {say('letters.discard')}
      </Button>
      <Problem of={retry.error} />
      {isAsked && (
        <Dialog title={say('letters.discard_title', named)} onClose={() => setAsked(false)}>
          <p>{say('letters.discard_text')}</p>
          <Problem of={discard.error} />
          <div className="actions">
            <Button look="danger" busy={discard.isPending} onClick={() => discard.mutate()}>
              {say('letters.discard')}
            </Button>
            <Button onClick={() => setAsked(false)}>{say('settings.cancel')}</Button>
          </div>
        </Dialog>
      )}
    </li>
  )
}
