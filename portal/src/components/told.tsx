// What one of the tenant's own systems was told, whether it arrived and why not, and sending one again.
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { toldQuery } from '../api/own-systems'
import type { WebhookDeliveryBody, WebhookEndpointBody } from '../api/schema'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Problem } from '../ui/states'

export function Told({ by: system }: { by: WebhookEndpointBody }) {
  const say = useWords()
  const told = useInfiniteQuery(toldQuery(system.id))
  return (
    <Asking query={told} lines={2}>
      {({ pages }) => {
        const items = pages.flatMap((page) => page.items)
        if (items.length === 0) return <p className="quiet">{say('own.nothing_told')}</p>
        return (
          <>
            <ul className="lines" aria-label={say('own.told')}>
              {items.map((one) => (
                <Delivery key={one.id} about={one} maySend={system.enabled} />
              ))}
            </ul>
            {told.hasNextPage && (
              <Button busy={told.isFetchingNextPage} onClick={() => void told.fetchNextPage()}>
                {say('own.more')}
              </Button>
            )}
          </>
        )
      }}
    </Asking>
  )
}

const MOODS = { delivered: 'good', failed: 'bad', waiting: 'fair' } as const
type State = keyof typeof MOODS

function Delivery({ about, maySend }: { about: WebhookDeliveryBody; maySend: boolean }) {
  const say = useWords()
  const client = useQueryClient()
  const state: State = about.state === 'delivered' || about.state === 'failed' ? about.state : 'waiting'
  const again = useMutation({
    mutationFn: () => call('POST /api/v1/webhook-deliveries/{delivery_id}/retry', { path: { delivery_id: about.id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['own-systems'] }),
  })
  return (
    <li>
      <span>
        <span>
          <code>{about.action}</code> <Badge mood={MOODS[state]}>{say(`own.${state}`)}</Badge>
        </span>
        <span className="quiet">
          <time dateTime={about.created_at} title={moment(about.created_at)}>
            {ago(about.created_at)}
          </time>
          {about.error && ` · ${about.error}`}
        </span>
      </span>
      {maySend && state !== 'waiting' && (
        <Button busy={again.isPending} aria-label={`${say('own.again')}: ${about.action}`} onClick={() => again.mutate()}>
          {say('own.again')}
        </Button>
      )}
      <Problem of={again.error} />
    </li>
  )
}
