// The fields of what is tried: the agent's own stand there, to be changed. Nothing here changes the agent.
import type { AgentBody } from '../api/schema'
import type { DraftForm } from '../lib/drafts'
import { useWords } from '../lib/words'
import { Check, Field, TextArea } from '../ui/field'

/** As the gateway. */
const MODEL_MAX = 500
const INSTRUCTIONS_MAX = 20_000

interface DraftFieldsProps {
  form: DraftForm
  agent: AgentBody | undefined
  /** A case is tried with what is remembered, always. */
  hasMemory?: boolean
  onChange: (form: DraftForm) => void
}

export function DraftFields({ form, agent, hasMemory = true, onChange }: DraftFieldsProps) {
  const say = useWords()
  return (
    <>
      <Field
        label={say('agents.model')}
        hint={say('draft.model_hint')}
        placeholder={agent?.models[0]?.model ?? agent?.model ?? ''}
        value={form.model}
        onChange={(event) => onChange({ ...form, model: event.target.value })}
        maxLength={MODEL_MAX}
        spellCheck={false}
      />
      <TextArea
        label={say('agents.instructions')}
        rows={6}
        value={form.instructions ?? agent?.instructions ?? ''}
        onChange={(event) => onChange({ ...form, instructions: event.target.value })}
        maxLength={INSTRUCTIONS_MAX}
      />
      {hasMemory && <Check label={say('draft.memory')} checked={form.memory} onChange={(event) => onChange({ ...form, memory: event.target.checked })} />}
    </>
  )
}
