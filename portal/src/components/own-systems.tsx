// The tenant's own systems that are told what happens here: each with its switch, a try, what it was told, and sending that again.
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { ownSystemsQuery, useSystemsAgain } from '../api/own-systems'
import type { WebhookEndpointBody } from '../api/schema'
import { isOfOwnSystems } from '../lib/notices'
import { kindsIn, wordOf } from '../lib/own-systems'
import { moment } from '../lib/time'
import { hostOf } from '../lib/tools'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Problem } from '../ui/states'
import { Confirm } from './confirm'
import { Notices } from './notices'
import { ChangeSystem, NewSystem } from './own-system-form'
import { Told } from './told'

export function OwnSystems() {
  const say = useWords()
  const systems = useQuery(ownSystemsQuery)
  const [isAdding, setAdding] = useState(false)
  return (
    <section className="panel" aria-labelledby="own-systems-title">
      <h2 id="own-systems-title">{say('own.title')}</h2>
      <p className="quiet">{say('own.text')}</p>
      <Notices about={isOfOwnSystems} />
      <Asking query={systems} lines={2}>
        {({ items }) => (
          <ul className="lines">
            {items.length === 0 && <li className="quiet">{say('own.empty')}</li>}
            {items.map((system) => (
              <System key={system.id} about={system} />
            ))}
          </ul>
        )}
      </Asking>
      <Button onClick={() => setAdding(true)}>{say('own.new')}</Button>
      {isAdding && <NewSystem onClose={() => setAdding(false)} />}
    </section>
  )
}

function System({ about }: { about: WebhookEndpointBody }) {
  const say = useWords()
  const again = useSystemsAgain()
  const [isOpen, setOpen] = useState(false)
  const [isChanging, setChanging] = useState(false)
  const path = { endpoint_id: about.id }
  const name = hostOf(about.url)
  const change = useMutation({ mutationFn: () => call('PATCH /api/v1/webhook-endpoints/{endpoint_id}', { path, body: { enabled: !about.enabled } }), onSuccess: again })
  const ping = useMutation({ mutationFn: () => call('POST /api/v1/webhook-endpoints/{endpoint_id}/ping', { path }), onSuccess: () => setOpen(true) })
  return (
    <li className="own-system">
      <span>
        <span>
          {name} <State of={about} />
        </span>
        <span className="quiet">
          <Kinds of={about} />
        </span>
      </span>
      <div className="actions">
        <Button aria-expanded={isOpen} aria-label={`${say('own.told')}: ${name}`} onClick={() => setOpen(!isOpen)}>
          {say('own.told')}
        </Button>
        {about.enabled && (
          <Button busy={ping.isPending} aria-label={`${say('own.ping')}: ${name}`} onClick={() => ping.mutate()}>
            {say('own.ping')}
          </Button>
        )}
        <Button aria-label={`${say('own.choose')}: ${name}`} onClick={() => setChanging(true)}>
          {say('own.choose')}
        </Button>
        <Button busy={change.isPending} aria-label={`${say(about.enabled ? 'own.off' : 'own.on')}: ${name}`} onClick={() => change.mutate()}>
          {say(about.enabled ? 'own.off' : 'own.on')}
        </Button>
        <Confirm
          label={say('own.delete')}
          name={name}
          title={say('own.delete_title', { name })}
          text={say('own.delete_text')}
          act={() => call('DELETE /api/v1/webhook-endpoints/{endpoint_id}', { path }).then(again)}
        />
      </div>
      <Problem of={change.error ?? ping.error} />
      {isOpen && <Told by={about} />}
      {isChanging && <ChangeSystem about={about} onClose={() => setChanging(false)} />}
    </li>
  )
}

function Kinds({ of: system }: { of: WebhookEndpointBody }) {
  const say = useWords()
  const { kinds, acts } = kindsIn(system.actions)
  const named = [...kinds.map((kind) => say(wordOf(kind))), ...acts].join(', ')
  return system.with_text ? `${named} · ${say('own.with_text_short')}` : named
}

function State({ of: { enabled, failing_since: failing } }: { of: WebhookEndpointBody }) {
  const say = useWords()
  if (!enabled) return <Badge>{say('own.is_off')}</Badge>
  if (failing) return <Badge mood="bad">{say('own.failing', { when: moment(failing) })}</Badge>
  return <Badge mood="good">{say('own.is_on')}</Badge>
}
