// Erasing somebody can't be undone: it says what goes, and whoever wants it types the name.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { contactQuery, erasuresQuery } from '../api/contacts'
import { call } from '../api/client'
import type { PersonDetail } from '../api/schema'
import { knownBy } from '../lib/contacts'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'
import { Kept } from './erasures'

export function ForgetContact({ person, onCancel }: { person: PersonDetail; onCancel: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const [typed, setTyped] = useState('')
  const forget = useMutation({
    mutationFn: () => call('POST /api/v1/privacy/erasures', { body: { people: [person.id] } }),
    onSuccess: (begun) => {
      // What becomes of it is shown from here on.
      client.setQueryData(erasuresQuery.queryKey, (known) => ({ items: [begun, ...(known?.items ?? [])] }))
      void client.invalidateQueries({ queryKey: erasuresQuery.queryKey })
      void client.invalidateQueries({ queryKey: ['contacts'] })
      void client.cancelQueries({ queryKey: contactQuery(person.id).queryKey })
    },
  })
  const isMeant = typed.trim() === person.name.trim()
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        if (isMeant) forget.mutate()
      }}
    >
      <p>{say('contacts.forget_text')}</p>
      <Kept counts={person.counts} />
      {person.also.length > 0 && <p>{say('contacts.forget_also', { places: person.also.map((one) => `${one.connection_name} (${knownBy(one)})`).join(', ') })}</p>}
      {person.own_conversations > 0 && <p>{say('contacts.forget_own', { count: person.own_conversations })}</p>}
      {person.shared_conversations > 0 && <p>{say('contacts.forget_shared', { count: person.shared_conversations })}</p>}
      <p className="quiet">{say('contacts.forget_stays')}</p>
      <Field label={say('contacts.forget_type', { name: person.name.trim() })} value={typed} autoComplete="off" autoFocus required onChange={(event) => setTyped(event.target.value)} />
      <Problem of={forget.error} />
      <div className="actions">
        <Button type="submit" look="danger" busy={forget.isPending} disabled={!isMeant}>
          {say('contacts.forget_now')}
        </Button>
        <Button onClick={onCancel}>{say('settings.cancel')}</Button>
      </div>
    </form>
  )
}
