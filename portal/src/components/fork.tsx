// A side conversation beside what was really said. Nothing of it reaches a channel, and the page says so all the time.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { agentsQuery, messagesQuery } from '../api/queries'
import { forkQuery, forksQuery } from '../api/rehearsals'
import type { ExchangeBody, ForkBody, ForkShown } from '../api/schema'
import { useRights, useSession } from '../api/session'
import { draftDifferences } from '../lib/drafts'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge, Initials } from '../ui/badge'
import { Button } from '../ui/button'
import { TextArea } from '../ui/field'
import { Asking, Problem } from '../ui/states'
import { Answer, Pieces } from './beside'
import { Confirm } from './confirm'
import { Differences } from './differences'
import { Messages } from './messages'

/** As the gateway: longer ones are refused. */
const TEXT_MAX = 8_000

interface ForkProps {
  id: string
  onWhy: (runId: string) => void
  onClose: () => void
}

export function Fork({ id, onWhy, onClose }: ForkProps) {
  const say = useWords()
  const { mayChange } = useRights()
  const fork = useQuery(forkQuery(id))
  return (
    <section className="fork" aria-label={say('forks.title')}>
      <p className="fork-note">
        <span>
          <strong>{say('forks.title')}.</strong> {say('forks.nothing_sent')}
        </span>
        <Button onClick={onClose}>{say('forks.back')}</Button>
      </p>
      <div className="fork-body" tabIndex={0} role="region" aria-label={say('forks.beside')}>
        <Asking query={fork}>
          {(shown) => (
            <>
              <Tried of={shown} onDeleted={onClose} />
              <div className="beside">
                <section>
                  <h3>{say('forks.really')}</h3>
                  {shown.original.length === 0 ? <p className="quiet">{say('forks.really_nothing')}</p> : <Messages items={shown.original} pointed={undefined} onWhy={onWhy} isCopy />}
                </section>
                <section className="side-talk">
                  <h3>{say('forks.tried')}</h3>
                  {shown.side.length === 0 ? <p className="quiet">{say(mayChange ? 'forks.tried_nothing' : 'forks.tried_ask')}</p> : <Side of={shown} />}
                </section>
              </div>
            </>
          )}
        </Asking>
      </div>
      {mayChange && fork.data && <SayInFork fork={fork.data} />}
    </section>
  )
}

/** What differs from the agent, and taking the fork away. */
function Tried({ of: { fork }, onDeleted }: { of: ForkShown; onDeleted: () => void }) {
  const say = useWords()
  const { mayChange } = useRights()
  const client = useQueryClient()
  const agents = useQuery(agentsQuery)
  const agent = agents.data?.items.find(({ id }) => id === fork.agent_id)
  const found = agent ? draftDifferences(agent, fork) : []
  return (
    <div className="fork-tried">
      <p className="replay-head">
        <strong>{agent?.name}</strong>
        <Badge>{fork.model ?? say('draft.own_model')}</Badge>
        {typeof fork.instructions === 'string' && <Badge>{say('draft.other_instructions')}</Badge>}
        {!fork.memory && <Badge>{say('draft.no_memory')}</Badge>}
        <time className="quiet" dateTime={fork.created_at}>
          {moment(fork.created_at)}
        </time>
        {mayChange && (
          <Confirm
            label={say('forks.delete')}
            title={say('forks.delete_title')}
            text={say('forks.delete_text')}
            act={() => call('DELETE /api/v1/forks/{fork_id}', { path: { fork_id: fork.id } }).then(() => client.invalidateQueries({ queryKey: forksQuery(fork.conversation_id).queryKey }))}
            onDone={onDeleted}
          />
        )}
      </p>
      <From fork={fork} />
      {found.length > 0 && (
        <details>
          <summary>{say('draft.differs')}</summary>
          <Differences of={found} />
        </details>
      )}
    </div>
  )
}

/** The last message that both have, once it is known. */
function From({ fork }: { fork: ForkBody }) {
  const { data } = useInfiniteQuery(messagesQuery(fork.conversation_id))
  const from = data?.pages.flatMap(({ items }) => items).find(({ id }) => id === fork.message_id)
  if (!from) return null
  return (
    <blockquote>
      <p className="quiet">{from.author}</p>
      <p className="said excerpt">{from.text}</p>
    </blockquote>
  )
}

function Side({ of: { fork, side } }: { of: ForkShown }) {
  const say = useWords()
  const agents = useQuery(agentsQuery)
  const name = agents.data?.items.find(({ id }) => id === fork.agent_id)?.name ?? say('inbox.kind_agent')
  return (
    <ol className="message-list">
      {side.map((exchange) => (
        <Exchange key={exchange.answer.id} exchange={exchange} agent={name} />
      ))}
    </ol>
  )
}

function Exchange({ exchange: { text, answer }, agent }: { exchange: ExchangeBody; agent: string }) {
  const say = useWords()
  return (
    <>
      {typeof text === 'string' && (
        <li className="message">
          <Initials name={say('forks.somebody')} kind="operator" />
          <div>
            <p className="message-head">
              <strong>{say('forks.somebody')}</strong>
            </p>
            <p className="said">{text}</p>
          </div>
        </li>
      )}
      <li className="message agent">
        <Initials name={agent} kind="agent" />
        <div>
          <p className="message-head">
            <strong>{agent}</strong>
            <Badge mood="fair">{say('forks.unsent')}</Badge>
          </p>
          {answer.diff.length > 0 ? (
            <p className="said">
              <Pieces of={answer.diff} without="removed" />
            </p>
          ) : (
            <Answer of={answer} />
          )}
        </div>
      </li>
    </>
  )
}

/** What is typed leaves the field only once the gateway has it. */
function SayInFork({ fork: { fork, side } }: { fork: ForkShown }) {
  const say = useWords()
  const { user } = useSession()
  const client = useQueryClient()
  const [text, setText] = useState('')
  const isAwaited = side.some(({ answer }) => answer.state === 'waiting')
  const tell = useMutation({
    mutationFn: (said: string | null) => call('POST /api/v1/forks/{fork_id}/messages', { path: { fork_id: fork.id }, body: { text: said } }),
    onSuccess: (_, said) => {
      setText((now) => (now === said ? '' : now))
      return client.invalidateQueries({ queryKey: forkQuery(fork.id).queryKey })
    },
  })
  const send = () => text.trim() !== '' && !tell.isPending && !isAwaited && tell.mutate(text)
  return (
    <form
      className="reply"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <TextArea
        label={say('forks.say', { name: user.name })}
        hint={say('forks.say_hint')}
        rows={2}
        maxLength={TEXT_MAX}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && send()}
      />
      <Problem of={tell.error} />
      <div className="actions">
        {side.length === 0 && (
          <Button busy={tell.isPending} onClick={() => tell.mutate(null)}>
            {say('forks.answer_this')}
          </Button>
        )}
        <Button type="submit" look="primary" busy={tell.isPending} disabled={text.trim() === '' || isAwaited}>
          {say('forks.try')}
        </Button>
      </div>
    </form>
  )
}
