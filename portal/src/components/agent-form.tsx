// The shape of an agent. Its name is what the API knows it by, so only a new one's can be chosen.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { agentsQuery } from '../api/queries'
import type { AgentBody } from '../api/schema'
import { useRights } from '../api/session'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field, TextArea } from '../ui/field'
import { Problem } from '../ui/states'
import { ModelChain } from './model-chain'

const NAME_MAX = 80
const TEXT_MAX = 500
const INSTRUCTIONS_MAX = 20_000

interface AgentFormProps {
  agent: AgentBody | undefined
  submit?: string
  onSaved: (agent: AgentBody) => void
}

export function AgentForm({ agent, submit, onSaved }: AgentFormProps) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const client = useQueryClient()
  const [form, setForm] = useState({
    name: agent?.name ?? '',
    role: agent?.role ?? '',
    tone: agent?.tone ?? '',
    instructions: agent?.instructions ?? '',
    model: agent?.model ?? '',
  })
  const [models, setModels] = useState(agent?.models ?? [])
  const save = useMutation({
    mutationFn: () =>
      // A field that is left out stays as it is; a model can be chosen, and not yet taken back.
      call('PUT /api/v1/agents', { body: { ...form, model: form.model.trim() || null, models } }),
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: agentsQuery.queryKey })
      onSaved(saved)
    },
  })
  const input = (name: keyof typeof form) => ({
    value: form[name],
    readOnly: !mayAdministrate,
    onChange: (event: { target: { value: string } }) => {
      save.reset()
      setForm((before) => ({ ...before, [name]: event.target.value }))
    },
  })
  return (
    <form
      className="form panel"
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <Field label={say('agents.name')} hint={agent ? say('agents.name_fixed') : say('agents.name_hint')} {...input('name')} readOnly={agent !== undefined || !mayAdministrate} maxLength={NAME_MAX} required />
      <Field label={say('agents.role')} placeholder={say('agents.role_example')} {...input('role')} maxLength={TEXT_MAX} />
      <Field label={say('agents.tone')} placeholder={say('agents.tone_example')} {...input('tone')} maxLength={TEXT_MAX} />
      <TextArea label={say('agents.instructions')} hint={say('agents.instructions_hint')} rows={10} {...input('instructions')} maxLength={INSTRUCTIONS_MAX} />
      {models.length === 0 && (
        <Field label={say('agents.model')} hint={say('agents.model_hint')} {...input('model')} maxLength={TEXT_MAX} spellCheck={false} />
      )}
      {/* Not on the way to the first answer. */}
      {submit === undefined && (
        <ModelChain
          models={models}
          isFixed={!mayAdministrate}
          onChange={(changed) => {
            save.reset()
            setModels(changed)
          }}
        />
      )}
      <Problem of={save.error} />
      {mayAdministrate ? (
        <div className="actions">
          <Button type="submit" look="primary" busy={save.isPending}>
            {submit ?? say('agents.save')}
          </Button>
          <span role="status" className="quiet">
            {save.isSuccess && say('agents.saved')}
          </span>
        </div>
      ) : (
        <p className="note">{say('error.forbidden')}</p>
      )}
    </form>
  )
}
