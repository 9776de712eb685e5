// Accounts of the sign-in provider by which one can sign in.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { identitiesQuery, signInOptionsQuery } from '../api/queries'
import type { IdentityBody } from '../api/schema'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Asking } from '../ui/states'
import { ProveOwner, type Proof } from './prove-owner'
import { ProviderNote } from './provider-note'

export function Identities({ ended }: { ended: string | undefined }) {
  const say = useWords()
  const identities = useQuery(identitiesQuery)
  const { data: options } = useQuery(signInOptionsQuery)
  const [isConnecting, setConnecting] = useState(false)
  const connect = useMutation({
    mutationFn: (proof: Proof) => call('POST /api/v1/auth/identities', { body: proof }),
    onSuccess: ({ url }) => location.assign(url),
  })
  const provider = options?.provider
  // Where nobody signs in by one, there is nothing to say.
  if (!provider && !identities.data?.items.length) return null
  return (
    <section className="panel" aria-labelledby="identities-title">
      <h2 id="identities-title">{say('settings.identities')}</h2>
      <p className="quiet">{say('settings.identities_text')}</p>
      <ProviderNote ended={ended} />
      <Asking query={identities} lines={1}>
        {({ items }) => (
          <ul className="lines">
            {items.length === 0 && <li className="quiet">{say('settings.identities_empty')}</li>}
            {items.map((identity) => (
              <Identity key={identity.id} about={identity} />
            ))}
          </ul>
        )}
      </Asking>
      {provider && (
        <Button onClick={() => setConnecting(true)}>{say('settings.identity_connect', { name: provider.name })}</Button>
      )}
      {provider && isConnecting && (
        <ProveOwner
          title={say('settings.identity_connect', { name: provider.name })}
          busy={connect.isPending || connect.isSuccess}
          problem={connect.error}
          onClose={() => setConnecting(false)}
          onProve={connect.mutate}
        >
          <p>{say('settings.identity_connect_text')}</p>
        </ProveOwner>
      )}
    </section>
  )
}

function Identity({ about }: { about: IdentityBody }) {
  const say = useWords()
  const client = useQueryClient()
  const [isLeaving, setLeaving] = useState(false)
  const name = about.label || new URL(about.issuer).host
  const remove = useMutation({
    mutationFn: (proof: Proof) =>
      call('DELETE /api/v1/auth/identities/{identity_id}', { path: { identity_id: about.id }, body: proof }),
    onSuccess: () => client.invalidateQueries({ queryKey: identitiesQuery.queryKey }),
  })
  return (
    <li>
      <span>
        {name}
        <span className="quiet" title={moment(about.last_used_at)}>
          {new URL(about.issuer).host} · {say('settings.last_seen', { when: ago(about.last_used_at) })}
        </span>
      </span>
      <Button onClick={() => setLeaving(true)} aria-label={`${say('settings.identity_remove')}: ${name}`}>
        {say('settings.identity_remove')}
      </Button>
      {isLeaving && (
        <ProveOwner
          title={`${say('settings.identity_remove')}: ${name}`}
          busy={remove.isPending}
          problem={remove.error}
          onClose={() => setLeaving(false)}
          onProve={remove.mutate}
        >
          <p>{say('settings.identity_remove_text')}</p>
        </ProveOwner>
      )}
    </li>
  )
}
