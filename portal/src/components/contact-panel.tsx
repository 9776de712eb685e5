// Somebody who talks to the agents: where they are known, what is kept of them, handing it out, and erasing it.
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { contactQuery, erasuresQuery } from '../api/contacts'
import { ApiProblem, call } from '../api/client'
import type { PersonDetail } from '../api/schema'
import { useRights, useSession } from '../api/session'
import { erasureOf, knownBy, saveFile } from '../lib/contacts'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Asking, Problem } from '../ui/states'
import { ErasureState, Kept } from './erasures'
import { ForgetContact } from './forget-contact'

export function ContactPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const say = useWords()
  const isOneself = !useSession().impersonation
  const person = useQuery(contactQuery(id))
  const erasures = useQuery({ ...erasuresQuery, enabled: isOneself })
  const [isAsked, setAsked] = useState(false)
  const isGone = person.error instanceof ApiProblem && person.error.status === 404
  const erasure = erasureOf(id, erasures.data?.items)
  const name = person.data?.name ?? say('contacts.somebody')
  const close = (
    <div className="actions">
      <Button onClick={onClose} autoFocus>
        {say('contacts.close')}
      </Button>
    </div>
  )
  if (isAsked && person.data && !erasure) {
    return (
      <Dialog title={say('contacts.forget_title', { name })} onClose={onClose}>
        <ForgetContact person={person.data} onCancel={() => setAsked(false)} />
      </Dialog>
    )
  }
  return (
    <Dialog title={name} onClose={onClose}>
      {erasure ? <ErasureState erasure={erasure} /> : isGone ? <p>{say('contacts.gone')}</p> : <Asking query={person}>{(known) => <About person={known} onForget={isOneself ? () => setAsked(true) : undefined} />}</Asking>}
      {close}
    </Dialog>
  )
}

function About({ person, onForget }: { person: PersonDetail; onForget?: () => void }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  return (
    <>
      <dl className="facts">
        {[person, ...person.also].map((one) => (
          <div key={one.id}>
            <dt>{say('contacts.known_on')}</dt>
            <dd>
              {one.connection_name}: {knownBy(one)}
            </dd>
          </div>
        ))}
        <div>
          <dt>{say('contacts.last_wrote')}</dt>
          <dd>{person.last_wrote_at ? moment(person.last_wrote_at) : say('contacts.never')}</dd>
        </div>
      </dl>
      <h3>{say('contacts.kept')}</h3>
      <p className="quiet">{say('contacts.kept_text')}</p>
      <Kept counts={person.counts} />
      {onForget && <Download person={person} />}
      {onForget && mayAdministrate && (
        <Button look="danger" onClick={onForget}>
          {say('contacts.forget')}
        </Button>
      )}
    </>
  )
}

/** Handing it out is put on record. */
function Download({ person }: { person: PersonDetail }) {
  const say = useWords()
  const save = useMutation({
    mutationFn: () => call('GET /api/v1/privacy/people/{person_id}/export', { path: { person_id: person.id } }),
    onSuccess: (all) => saveFile(`${person.id}.json`, JSON.stringify(all, null, 2)),
  })
  return (
    <>
      <Button busy={save.isPending} onClick={() => save.mutate()}>
        {say('contacts.download')}
      </Button>
      <Problem of={save.error} />
      {save.data && (
        <p role="status">
          {say('contacts.downloaded')} {save.data.cut.length > 0 && say('contacts.cut', { tables: save.data.cut.join(', ') })}
        </p>
      )}
    </>
  )
}
