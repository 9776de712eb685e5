// For how many days things are kept. Keeping less can't be taken back: it is asked for twice.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { retentionQuery } from '../api/contacts'
import { call } from '../api/client'
import type { RetentionBody } from '../api/schema'
import { useRights } from '../api/session'
import { useWords, type Word } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Field } from '../ui/field'
import { Asking, Problem } from '../ui/states'

type Kind = keyof RetentionBody

const KINDS: [Kind, Word | null][] = [
  ['messages_days', 'retention.messages_hint'],
  ['facts_days', 'retention.facts_hint'],
  ['inbox_days', 'retention.inbox_hint'],
  ['runs_days', 'retention.runs_hint'],
  ['deliveries_days', null],
  ['jobs_days', null],
]
const DAYS_MAX = 3_650

export function Retention() {
  const say = useWords()
  const retention = useQuery(retentionQuery)
  return (
    <section className="panel" aria-labelledby="retention-title">
      <h2 id="retention-title">{say('contacts.retention')}</h2>
      <p className="quiet">{say('retention.text')}</p>
      <Asking query={retention} lines={6}>
        {(known) => <RetentionForm known={known} />}
      </Asking>
    </section>
  )
}

const daysIn = (text: string): number | null => (text.trim() === '' ? null : Number(text))
const forGood = (days: number | null): number => days ?? Infinity

function RetentionForm({ known }: { known: RetentionBody }) {
  const say = useWords()
  const client = useQueryClient()
  const { mayAdministrate } = useRights()
  const [texts, setTexts] = useState(() => Object.fromEntries(KINDS.map(([kind]) => [kind, String(known[kind] ?? '')])) as Record<Kind, string>)
  const [isAsked, setAsked] = useState(false)
  const days = Object.fromEntries(KINDS.map(([kind]) => [kind, daysIn(texts[kind])])) as RetentionBody
  const sooner = KINDS.filter(([kind]) => forGood(days[kind]) < forGood(known[kind]))
  const save = useMutation({
    mutationFn: () => call('PUT /api/v1/privacy/retention', { body: days }),
    onSuccess: (now) => client.setQueryData(retentionQuery.queryKey, now),
    onSettled: () => setAsked(false),
  })
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        if (sooner.length > 0) setAsked(true)
        else save.mutate()
      }}
    >
      {KINDS.map(([kind, hint]) => (
        <Field
          key={kind}
          type="number"
          label={say(`retention.${kind}`)}
          hint={hint && say(hint)}
          min={1}
          max={DAYS_MAX}
          readOnly={!mayAdministrate}
          value={texts[kind]}
          onChange={(event) => {
            save.reset()
            setTexts({ ...texts, [kind]: event.target.value })
          }}
        />
      ))}
      <Problem of={save.error} />
      {mayAdministrate && (
        <div className="actions">
          <Button type="submit" look="primary" busy={save.isPending}>
            {say('retention.save')}
          </Button>
          {save.isSuccess && <span role="status">{say('retention.saved')}</span>}
        </div>
      )}
      {isAsked && (
        <Dialog title={say('retention.sure')} onClose={() => setAsked(false)}>
          <p>{say('retention.sure_text', { what: sooner.map(([kind]) => say('retention.sooner', { what: say(`retention.${kind}`), days: days[kind] ?? '' })).join(', ') })}</p>
          <div className="actions">
            <Button look="danger" busy={save.isPending} onClick={() => save.mutate()}>
              {say('retention.save')}
            </Button>
            <Button onClick={() => setAsked(false)}>{say('settings.cancel')}</Button>
          </div>
        </Dialog>
      )}
    </form>
  )
}
