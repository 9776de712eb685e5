// What an answer would have been: with another model, other instructions, or without memory, beside what was said. Nothing of
// it is sent.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { agentsQuery } from '../api/queries'
import { replaysQuery } from '../api/rehearsals'
import type { AgentBody, ReplayBody } from '../api/schema'
import { useRights } from '../api/session'
import { draftDifferences, draftOf, NO_DRAFT } from '../lib/drafts'
import { ago, moment } from '../lib/time'
import { count } from '../lib/traces'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Problem } from '../ui/states'
import { Beside } from './beside'
import { Differences } from './differences'
import { DraftFields } from './draft-form'

interface ReplaysProps {
  conversationId: string
  runId: string
  /** The agent's name, as the trace has it. */
  agent: string
}

/** Asked for once it is opened: a trace has many answers. */
export function Replays(props: ReplaysProps) {
  const say = useWords()
  const [isOpen, setOpen] = useState(false)
  return (
    <details className="replays" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{say('replays.title')}</summary>
      {isOpen && <Open {...props} />}
    </details>
  )
}

function Open({ conversationId, runId, agent: name }: ReplaysProps) {
  const say = useWords()
  const { mayChange } = useRights()
  const replays = useQuery(replaysQuery(conversationId, runId))
  const agents = useQuery(agentsQuery)
  const agent = agents.data?.items.find((one) => one.name === name)
  return (
    <>
      <p className="quiet">{say('replays.text')}</p>
      {mayChange && <Ask conversationId={conversationId} runId={runId} agent={agent} />}
      <Asking query={replays} lines={2}>
        {({ items, original }) =>
          items.length === 0 ? (
            <p className="quiet">{say(mayChange ? 'replays.empty' : 'replays.empty_ask')}</p>
          ) : (
            <ol className="replay-list" aria-label={say('replays.title')}>
              {items.map((replay) => (
                <Replay key={replay.id} replay={replay} original={original} agent={agent} />
              ))}
            </ol>
          )
        }
      </Asking>
    </>
  )
}

function Ask({ conversationId, runId, agent }: { conversationId: string; runId: string; agent: AgentBody | undefined }) {
  const say = useWords()
  const client = useQueryClient()
  const [form, setForm] = useState(NO_DRAFT)
  const replay = useMutation({
    mutationFn: () =>
      call('POST /api/v1/conversations/{conversation_id}/runs/{run_id}/replay', { path: { conversation_id: conversationId, run_id: runId }, body: draftOf(form, agent) }),
    onSuccess: () => client.invalidateQueries({ queryKey: replaysQuery(conversationId, runId).queryKey }),
  })
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        replay.mutate()
      }}
    >
      <DraftFields form={form} agent={agent} onChange={setForm} />
      <Problem of={replay.error} />
      <Button type="submit" look="primary" busy={replay.isPending}>
        {say('replays.ask')}
      </Button>
    </form>
  )
}

function Replay({ replay, original, agent }: { replay: ReplayBody; original: string | null | undefined; agent: AgentBody | undefined }) {
  const say = useWords()
  const { model, instructions, memory, state, answered_by: by } = replay
  return (
    <li>
      <p className="replay-head">
        <strong>{model ?? say('draft.own_model')}</strong>
        {typeof instructions === 'string' && <Badge>{say('draft.other_instructions')}</Badge>}
        {!memory && <Badge>{say('draft.no_memory')}</Badge>}
        <time className="quiet" dateTime={replay.created_at} title={moment(replay.created_at)}>
          {ago(replay.created_at)}
        </time>
      </p>
      <Beside original={original} answer={replay} />
      {state === 'done' && <p className="quiet">{[by, say('why.tokens', { input: count(replay.input_tokens), output: count(replay.output_tokens) })].filter(Boolean).join(' · ')}</p>}
      {typeof instructions === 'string' && (
        <details>
          <summary>{say('draft.differs')}</summary>
          <Differences of={draftDifferences(agent, replay)} />
        </details>
      )}
    </li>
  )
}
