// Adding one of the tenant's own systems, and changing what it is told.
import { useMutation } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call } from '../api/client'
import { useSystemsAgain } from '../api/own-systems'
import type { WebhookEndpointBody } from '../api/schema'
import { actsIn, hasMessages, KINDS, kindsIn, wordOf, type Kind } from '../lib/own-systems'
import { hostOf } from '../lib/tools'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Command } from '../ui/command'
import { Dialog } from '../ui/dialog'
import { Check, Field } from '../ui/field'
import { Problem } from '../ui/states'

const URL_MAX = 2_000

interface Choice {
  kinds: Kind[]
  /** As they are typed. */
  acts: string
  withText: boolean
}

/** As the gateway takes it. Words go along with messages only. */
const asked = ({ kinds, acts, withText }: Choice) => ({ actions: [...kinds, ...actsIn(acts)], with_text: withText && hasMessages(kinds) })
const isNothing = (choice: Choice) => asked(choice).actions.length === 0

export function NewSystem({ onClose }: { onClose: () => void }) {
  const say = useWords()
  const again = useSystemsAgain()
  const [url, setUrl] = useState('')
  const [choice, setChoice] = useState<Choice>({ kinds: ['log'], acts: '', withText: false })
  const create = useMutation({ mutationFn: () => call('POST /api/v1/webhook-endpoints', { body: { url: url.trim(), ...asked(choice) } }), onSuccess: again })
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
      <Form of={choice} save={say('own.create')} busy={create.isPending} error={create.error} onChange={setChoice} onSave={() => create.mutate()} onClose={onClose}>
        <Field label={say('own.url')} hint={say('own.url_hint')} type="url" value={url} onChange={(event) => setUrl(event.target.value)} maxLength={URL_MAX} autoFocus required />
      </Form>
    </Dialog>
  )
}

export function ChangeSystem({ about, onClose }: { about: WebhookEndpointBody; onClose: () => void }) {
  const say = useWords()
  const again = useSystemsAgain()
  const before = kindsIn(about.actions)
  const [choice, setChoice] = useState<Choice>({ kinds: before.kinds, acts: before.acts.join(', '), withText: about.with_text })
  const change = useMutation({
    mutationFn: () => call('PATCH /api/v1/webhook-endpoints/{endpoint_id}', { path: { endpoint_id: about.id }, body: asked(choice) }),
    onSuccess: async () => {
      await again()
      onClose()
    },
  })
  return (
    <Dialog title={say('own.choose_title', { name: hostOf(about.url) })} onClose={onClose}>
      <Form of={choice} save={say('own.save')} busy={change.isPending} error={change.error} onChange={setChoice} onSave={() => change.mutate()} onClose={onClose} />
    </Dialog>
  )
}

interface FormProps {
  of: Choice
  save: string
  busy: boolean
  error: Error | null
  onChange: (choice: Choice) => void
  onSave: () => void
  onClose: () => void
  children?: ReactNode
}

function Form({ of: choice, save, busy, error, onChange, onSave, onClose, children }: FormProps) {
  const say = useWords()
  const toggle = (kind: Kind, isOn: boolean) => onChange({ ...choice, kinds: KINDS.filter((one) => (one === kind ? isOn : choice.kinds.includes(one))) })
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        onSave()
      }}
    >
      {children}
      <fieldset className="group">
        <legend>{say('own.kinds')}</legend>
        {KINDS.map((kind) => (
          <Check key={kind} label={say(wordOf(kind))} checked={choice.kinds.includes(kind)} onChange={(event) => toggle(kind, event.target.checked)} />
        ))}
      </fieldset>
      <Check
        label={say('own.with_text')}
        checked={choice.withText && hasMessages(choice.kinds)}
        disabled={!hasMessages(choice.kinds)}
        onChange={(event) => onChange({ ...choice, withText: event.target.checked })}
      />
      {!choice.kinds.includes('log') && (
        <Field label={say('own.actions')} hint={say('own.actions_hint')} value={choice.acts} onChange={(event) => onChange({ ...choice, acts: event.target.value })} />
      )}
      <Problem of={error} />
      <div className="actions">
        <Button type="submit" look="primary" busy={busy} disabled={isNothing(choice)}>
          {save}
        </Button>
        <Button onClick={onClose}>{say('settings.cancel')}</Button>
      </div>
    </form>
  )
}
