// Trying cases with an agent, as it is or as it is drafted, and what became of each. Nobody is sent the answers.
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { agentsQuery } from '../api/queries'
import { trialQuery } from '../api/rehearsals'
import type { AgentBody, DraftBody, TriedBody } from '../api/schema'
import { verdictOf } from '../lib/cases'
import { draftOf, NO_DRAFT } from '../lib/drafts'
import { count } from '../lib/traces'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Select } from '../ui/field'
import { Asking, Problem } from '../ui/states'
import { Answer } from './beside'
import { DraftFields } from './draft-form'

export function useTrial(onBegun: (trial: string) => void) {
  return useMutation({
    mutationFn: ({ agent, draft }: { agent: string; draft: DraftBody }) => call('POST /api/v1/cases/run', { body: { agent_id: agent, draft } }),
    onSuccess: ({ id }) => onBegun(id),
  })
}

export function TryCases({ onBegun }: { onBegun: (trial: string) => void }) {
  const say = useWords()
  const agents = useQuery(agentsQuery)
  const [chosen, setChosen] = useState<string>()
  const [form, setForm] = useState(NO_DRAFT)
  const begin = useTrial(onBegun)
  const all = agents.data?.items ?? []
  const agent = all.find(({ id }) => id === chosen) ?? all.find(({ is_default: isDefault }) => isDefault) ?? all[0]
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        if (agent) begin.mutate({ agent: agent.id, draft: draftOf(form, agent) })
      }}
    >
      <Select
        label={say('trial.agent')}
        value={agent?.id ?? ''}
        onChange={(event) => {
          setChosen(event.target.value)
          setForm({ ...form, instructions: null })
        }}
      >
        {all.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </Select>
      <details>
        <summary>{say('trial.draft')}</summary>
        <p className="hint">{say('trial.draft_text')}</p>
        <div className="form">
          <DraftFields form={form} agent={agent} hasMemory={false} onChange={setForm} />
        </div>
      </details>
      <Problem of={begin.error} />
      <Button type="submit" look="primary" busy={begin.isPending} disabled={agent === undefined}>
        {say('trial.begin')}
      </Button>
    </form>
  )
}

/** One trial, until all of it is there. */
export function Trial({ id }: { id: string }) {
  const say = useWords()
  const trial = useQuery(trialQuery(id))
  return (
    <Asking query={trial} lines={2}>
      {({ state, passed, failed, items }) => (
        <div className="trial-results">
          <p role="status">
            {say(state === 'waiting' ? 'trial.under_way' : 'trial.over', { passed: count(passed), failed: count(failed), all: count(items.length) })}
          </p>
          <ul className="lines">
            {items.map((tried) => (
              <Tried key={tried.case_id} tried={tried} />
            ))}
          </ul>
        </div>
      )}
    </Asking>
  )
}

function Tried({ tried }: { tried: TriedBody }) {
  const say = useWords()
  const [word, mood] = verdictOf(tried)
  const { state, answer } = tried.answer
  return (
    <li>
      <span>
        <strong>{tried.name}</strong>
        {tried.complaints.length > 0 && (
          <ul className="complaints">
            {tried.complaints.map((complaint) => (
              <li key={complaint}>{complaint}</li>
            ))}
          </ul>
        )}
        {(answer || state === 'failed') && (
          <details>
            <summary>{say('trial.answer')}</summary>
            <Answer of={tried.answer} />
          </details>
        )}
      </span>
      <Badge mood={mood}>{say(word)}</Badge>
    </li>
  )
}

/** Cases that stand in the way of a change are tried with it, at once; once they have passed, it can be saved. */
export function CasesInTheWay({ agent, draft }: { agent: AgentBody; draft: DraftBody }) {
  const say = useWords()
  const [trial, setTrial] = useState<string>()
  const begin = useTrial(setTrial)
  return (
    <section className="note fair trial" aria-label={say('trial.title')}>
      <p>{say('cases.in_the_way')}</p>
      <Problem of={begin.error} />
      <Button busy={begin.isPending} onClick={() => begin.mutate({ agent: agent.id, draft })}>
        {say('cases.try_with_this')}
      </Button>
      {trial && <Trial id={trial} />}
    </section>
  )
}
