// A case: a question, whom it is for, and what the answer must say, cite or hand over.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { agentsQuery } from '../api/queries'
import { casesQuery } from '../api/rehearsals'
import type { CaseBody } from '../api/schema'
import { useRights } from '../api/session'
import { caseOf, formOfCase, isSomething, type CaseForm as Form } from '../lib/cases'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check, Field, Select, TextArea } from '../ui/field'
import { Problem } from '../ui/states'
import { Choice } from '../ui/tabs'
import { Confirm } from './confirm'

/** As the gateway. */
const NAME_MAX = 80
const QUESTION_MAX = 2_000

interface CaseFormProps {
  one: CaseBody | undefined
  onSaved: (one: CaseBody) => void
  onDeleted: () => void
}

export function CaseForm({ one, onSaved, onDeleted }: CaseFormProps) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const client = useQueryClient()
  const [form, setForm] = useState(() => formOfCase(one))
  const again = () => client.invalidateQueries({ queryKey: casesQuery.queryKey })
  const save = useMutation({
    mutationFn: () => (one ? call('PUT /api/v1/cases/{case_id}', { path: { case_id: one.id }, body: caseOf(form) }) : call('POST /api/v1/cases', { body: caseOf(form) })),
    onSuccess: async (saved) => {
      await again()
      onSaved(saved)
    },
  })
  const write = (change: Partial<Form>) => {
    save.reset()
    setForm((before) => ({ ...before, ...change }))
  }
  return (
    <form
      className="form panel"
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <Field label={say('cases.name')} placeholder={say('cases.name_example')} value={form.name} readOnly={!mayAdministrate} onChange={(event) => write({ name: event.target.value })} maxLength={NAME_MAX} required />
      <TextArea label={say('cases.question')} placeholder={say('cases.question_example')} rows={3} value={form.question} readOnly={!mayAdministrate} onChange={(event) => write({ question: event.target.value })} maxLength={QUESTION_MAX} required />
      <For form={form} onChange={write} />
      <Must form={form} onChange={write} />
      <Check label={say('cases.blocks_text')} checked={form.blocks} disabled={!mayAdministrate} onChange={(event) => write({ blocks: event.target.checked })} />
      <Problem of={save.error} />
      {mayAdministrate ? (
        <div className="actions">
          <Button type="submit" look="primary" busy={save.isPending} disabled={!isSomething(form)}>
            {say(one ? 'cases.save' : 'cases.create')}
          </Button>
          {one && (
            <Confirm
              label={say('cases.delete')}
              title={say('cases.delete_title', { name: one.name })}
              text={say('cases.delete_text')}
              act={() => call('DELETE /api/v1/cases/{case_id}', { path: { case_id: one.id } }).then(again)}
              onDone={onDeleted}
            />
          )}
          <span role="status" className="quiet">
            {save.isSuccess && say('cases.saved')}
          </span>
        </div>
      ) : (
        <p className="note">{say('error.forbidden')}</p>
      )}
    </form>
  )
}

interface PartProps {
  form: Form
  onChange: (change: Partial<Form>) => void
}

function For({ form, onChange }: PartProps) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const agents = useQuery(agentsQuery)
  return (
    <Select label={say('cases.agent')} value={form.agent} disabled={!mayAdministrate} onChange={(event) => onChange({ agent: event.target.value })}>
      <option value="">{say('cases.every_agent')}</option>
      {agents.data?.items.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </Select>
  )
}

/** What is typed for an answer stays while a handover is looked at. */
function Must({ form, onChange }: PartProps) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const kinds = [['answer', say('cases.must_answer')] as const, ['escalate', say('cases.must_escalate')] as const]
  return (
    <fieldset className="group" disabled={!mayAdministrate}>
      <legend>{say('cases.must')}</legend>
      <Choice label={say('cases.must')} options={kinds} value={form.escalates ? 'escalate' : 'answer'} onChange={(kind) => onChange({ escalates: kind === 'escalate' })} />
      {form.escalates ? (
        <p className="hint">{say('cases.must_escalate_text')}</p>
      ) : (
        <>
          <TextArea label={say('cases.must_contain')} hint={say('cases.must_contain_hint')} rows={3} value={form.contains} onChange={(event) => onChange({ contains: event.target.value })} />
          <TextArea label={say('cases.must_cite')} hint={say('cases.must_cite_hint')} rows={2} value={form.cites} onChange={(event) => onChange({ cites: event.target.value })} />
        </>
      )}
    </fieldset>
  )
}
