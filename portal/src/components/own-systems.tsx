// The tenant's own systems that are told what happens here: each with its switch, a try, what it was told, and sending that again.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { ownSystemsQuery } from '../api/own-systems'
import type { WebhookEndpointBody } from '../api/schema'
import { isOfOwnSystems } from '../lib/notices'
import { moment } from '../lib/time'
import { hostOf } from '../lib/tools'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Command } from '../ui/command'
import { Dialog } from '../ui/dialog'
import { Field } from '../ui/field'
import { Asking, Problem } from '../ui/states'
import { Confirm } from './confirm'
import { Notices } from './notices'
import { Told } from './told'

const URL_MAX = 2_000

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

function useSystemsAgain() {
  const client = useQueryClient()
  return () => client.invalidateQueries({ queryKey: ownSystemsQuery.queryKey })
}

function System({ about }: { about: WebhookEndpointBody }) {
  const say = useWords()
  const again = useSystemsAgain()
  const [isOpen, setOpen] = useState(false)
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
        <span className="quiet">{about.actions.length === 0 ? say('own.everything') : about.actions.join(', ')}</span>
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
    </li>
  )
}

function State({ of: { enabled, failing_since: failing } }: { of: WebhookEndpointBody }) {
  const say = useWords()
  if (!enabled) return <Badge>{say('own.is_off')}</Badge>
  if (failing) return <Badge mood="bad">{say('own.failing', { when: moment(failing) })}</Badge>
  return <Badge mood="good">{say('own.is_on')}</Badge>
}

function NewSystem({ onClose }: { onClose: () => void }) {
  const say = useWords()
  const again = useSystemsAgain()
  const [url, setUrl] = useState('')
  const [actions, setActions] = useState('')
  const create = useMutation({
    mutationFn: () => call('POST /api/v1/webhook-endpoints', { body: { url: url.trim(), actions: actions.split(/[\s,]+/).filter(Boolean) } }),
    onSuccess: again,
  })
  if (create.data) {
    return (
      <Dialog title={say('own.created')}>
        <p>{say('own.once')}</p>
        <Command text={create.data.secret} />
        <Button look="primary" onClick={onClose}>
          {say('settings.done')}
        </Button>
      </Dialog>
    )
  }
  return (
    <Dialog title={say('own.new')} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <Field label={say('own.url')} hint={say('own.url_hint')} type="url" value={url} onChange={(event) => setUrl(event.target.value)} maxLength={URL_MAX} autoFocus required />
        <Field label={say('own.actions')} hint={say('own.actions_hint')} value={actions} onChange={(event) => setActions(event.target.value)} />
        <Problem of={create.error} />
        <div className="actions">
          <Button type="submit" look="primary" busy={create.isPending}>
            {say('own.create')}
          </Button>
          <Button onClick={onClose}>{say('settings.cancel')}</Button>
        </div>
      </form>
    </Dialog>
  )
}
