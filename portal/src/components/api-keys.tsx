// API keys of the tenant's programs. A key is shown once, when it is made.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { keysQuery } from '../api/queries'
import type { ApiKeyBody, Role } from '../api/schema'
import { roleWord } from '../lib/roles'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Command } from '../ui/command'
import { Dialog } from '../ui/dialog'
import { Field, Select } from '../ui/field'
import { Asking, Problem } from '../ui/states'

const NAME_MAX = 80
const DAYS_MAX = 3_650

export function ApiKeys() {
  const say = useWords()
  const keys = useQuery(keysQuery)
  const [isMaking, setMaking] = useState(false)
  return (
    <section className="panel" aria-labelledby="keys-title">
      <h2 id="keys-title">{say('settings.keys')}</h2>
      <p className="quiet">{say('settings.keys_text')}</p>
      <Asking query={keys} lines={2}>
        {({ items }) => (
          <ul className="lines">
            {items.length === 0 && <li className="quiet">{say('settings.keys_empty')}</li>}
            {items.map((key) => (
              <Key key={key.id} about={key} />
            ))}
          </ul>
        )}
      </Asking>
      <Button onClick={() => setMaking(true)}>{say('settings.key_new')}</Button>
      {isMaking && <NewKey onClose={() => setMaking(false)} />}
    </section>
  )
}

function Key({ about }: { about: ApiKeyBody }) {
  const say = useWords()
  const client = useQueryClient()
  const revoke = useMutation({
    mutationFn: () => call('DELETE /api/v1/api-keys/{key_id}', { path: { key_id: about.id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keysQuery.queryKey }),
  })
  const used = about.last_used_at ? say('settings.key_used', { when: ago(about.last_used_at) }) : say('settings.key_unused')
  const ends = about.expires_at ? ` · ${say('settings.key_expires', { when: moment(about.expires_at) })}` : ''
  return (
    <li>
      <span>
        {about.name}
        <span className="quiet">
          {say(roleWord(about.role))} · {used}
          {ends}
        </span>
      </span>
      <Button busy={revoke.isPending} onClick={() => revoke.mutate()} aria-label={`${say('settings.key_revoke')}: ${about.name}`}>
        {say('settings.key_revoke')}
      </Button>
      <Problem of={revoke.error} />
    </li>
  )
}

function NewKey({ onClose }: { onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('customer_operator')
  const [days, setDays] = useState('')
  const create = useMutation({
    mutationFn: () =>
      call('POST /api/v1/api-keys', { body: { name, role, expires_in_days: days === '' ? null : Number(days) } }),
    onSuccess: () => client.invalidateQueries({ queryKey: keysQuery.queryKey }),
  })
  if (create.data) {
    return (
      <Dialog title={say('settings.key_created')}>
        <p>{say('settings.key_once')}</p>
        <Command text={create.data.key} />
        <Button look="primary" onClick={onClose}>
          {say('settings.done')}
        </Button>
      </Dialog>
    )
  }
  return (
    <Dialog title={say('settings.key_new')} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <Field label={say('settings.key_name')} value={name} onChange={(event) => setName(event.target.value)} maxLength={NAME_MAX} autoFocus required />
        <Select label={say('people.role')} value={role} onChange={(event) => setRole(event.target.value as Role)}>
          <option value="customer_operator">{say('role.operator')}</option>
          <option value="customer_admin">{say('role.admin')}</option>
        </Select>
        <Field label={say('settings.key_days')} hint={say('settings.key_days_hint')} type="number" min={1} max={DAYS_MAX} value={days} onChange={(event) => setDays(event.target.value)} />
        <Problem of={create.error} />
        <div className="actions">
          <Button type="submit" look="primary" busy={create.isPending}>
            {say('settings.key_create')}
          </Button>
          <Button onClick={onClose}>{say('settings.cancel')}</Button>
        </div>
      </form>
    </Dialog>
  )
}
