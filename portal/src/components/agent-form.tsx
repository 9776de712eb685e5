// The shape of an agent. Its name is what the API knows it by, so only a new one's can be chosen. Whoever edits it while
// somebody else does is told, and shown what differs, before anything is overwritten.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiProblem, call } from '../api/client'
import { agentsQuery, modelKeysQuery, toolsQuery } from '../api/queries'
import type { AgentBody, AgentVersionBody } from '../api/schema'
import { useRights } from '../api/session'
import { isInTheWay } from '../lib/cases'
import { draftOf } from '../lib/drafts'
import { asSent, differences, merged, restorable, shapeOf, type Shape } from '../lib/agents'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field, TextArea } from '../ui/field'
import { Problem } from '../ui/states'
import { AgentConflict } from './agent-conflict'
import { AgentVersions } from './agent-versions'
import { ModelChain } from './model-chain'
import { ToolGrants } from './tool-grants'
import { CasesInTheWay } from './trial'

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
  const [name, setName] = useState(agent?.name ?? '')
  // What it was when one began to edit: the gateway refuses a change of anything newer.
  const [base, setBase] = useState(agent)
  const [shape, setShape] = useState<Shape>(() => shapeOf(agent))
  const [restored, setRestored] = useState<'versions.restored' | 'versions.restored_partly' | null>(null)
  const tools = useQuery(toolsQuery)
  const keys = useQuery(modelKeysQuery)
  const save = useMutation({
    mutationFn: () =>
      call('PUT /api/v1/agents', {
        headers: base && { 'if-match': `"${base.version}"` },
        body: { name, ...asSent(shape) },
      }),
    onSuccess: async (saved) => {
      setBase(saved)
      setRestored(null)
      await Promise.all([client.invalidateQueries({ queryKey: agentsQuery.queryKey }), client.invalidateQueries({ queryKey: ['agent-versions', saved.id] })])
      onSaved(saved)
    },
    onError: (problem) => isStale(problem) && client.invalidateQueries({ queryKey: agentsQuery.queryKey }),
  })
  const write = (change: Partial<Shape>) => {
    save.reset()
    setShape((before) => ({ ...before, ...change }))
  }
  const input = (field: 'role' | 'tone' | 'instructions' | 'model' | 'temperature' | 'answer_tokens') => ({
    value: shape[field],
    readOnly: !mayAdministrate,
    onChange: (event: { target: { value: string } }) => write({ [field]: event.target.value }),
  })
  const restore = (version: AgentVersionBody) => {
    const known = [...(tools.data?.built_in ?? []), ...(tools.data?.items ?? []).map(({ id }) => id)]
    const { shape: former, isWhole } = restorable(shapeOf(version), known, (keys.data?.items ?? []).map(({ id }) => id))
    write(former)
    setRestored(isWhole ? 'versions.restored' : 'versions.restored_partly')
  }
  const newer = agent && base && agent.version > base.version ? agent : undefined
  const isEdited = base !== undefined && differences(shapeOf(base), shape).length > 0
  if (newer && !isEdited) {
    setBase(newer)
    setShape(shapeOf(newer))
  }
  const theirs = isEdited ? newer : undefined
  return (
    <div className="agent">
      <form
        className="form panel"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <Field
          label={say('agents.name')}
          hint={agent ? say('agents.name_fixed') : say('agents.name_hint')}
          value={name}
          onChange={(event) => setName(event.target.value)}
          readOnly={agent !== undefined || !mayAdministrate}
          maxLength={NAME_MAX}
          required
        />
        <Field label={say('agents.role')} placeholder={say('agents.role_example')} {...input('role')} maxLength={TEXT_MAX} />
        <Field label={say('agents.tone')} placeholder={say('agents.tone_example')} {...input('tone')} maxLength={TEXT_MAX} />
        <TextArea label={say('agents.instructions')} hint={say('agents.instructions_hint')} rows={10} {...input('instructions')} maxLength={INSTRUCTIONS_MAX} />
        {shape.models.length === 0 && <Field label={say('agents.model')} hint={say('agents.model_hint')} {...input('model')} maxLength={TEXT_MAX} spellCheck={false} />}
        {/* Not on the way to the first answer. */}
        {submit === undefined && (
          <>
            <ToolGrants granted={shape.tools} isFixed={!mayAdministrate} onChange={(tools) => write({ tools })} />
            <ModelChain models={shape.models} isFixed={!mayAdministrate} onChange={(models) => write({ models })} />
            <div className="beside">
              <Field label={say('agents.temperature')} hint={say('agents.temperature_hint')} {...input('temperature')} type="number" min={0} max={2} step="any" />
              <Field label={say('agents.answer_tokens')} hint={say('agents.answer_tokens_hint')} {...input('answer_tokens')} type="number" min={50} max={8000} />
            </div>
          </>
        )}
        {theirs && base && (
          <AgentConflict
            base={shapeOf(base)}
            mine={shape}
            theirs={theirs}
            onTake={() => {
              save.reset()
              setShape(shapeOf(theirs))
              setBase(theirs)
            }}
            onKeep={() => {
              save.reset()
              setShape(merged(shapeOf(base), shape, shapeOf(theirs)))
              setBase(theirs)
            }}
          />
        )}
        {restored && (
          <p className="note" role="status">
            {say(restored)}
          </p>
        )}
        {agent && isInTheWay(save.error) ? (
          <CasesInTheWay agent={agent} draft={draftOf({ ...shape, memory: true }, agent)} />
        ) : (
          !(theirs && isStale(save.error)) && <Problem of={save.error} />
        )}
        {mayAdministrate ? (
          <div className="actions">
            <Button type="submit" look="primary" busy={save.isPending} disabled={theirs !== undefined}>
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
      {agent && submit === undefined && <AgentVersions agent={agent} onRestore={restore} />}
    </div>
  )
}

const isStale = (problem: unknown): boolean => problem instanceof ApiProblem && problem.code === 'changed_meanwhile'
