// One call that waits for a second person: exactly what is sent, who asked for it, until when, and the two answers.
import { useMutation, useQuery, useQueryClient, type UseMutationResult } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ApiProblem, call } from '../api/client'
import { membersQuery, toolsQuery } from '../api/queries'
import type { ApprovalBody } from '../api/schema'
import { useRights, useSession } from '../api/session'
import { countdown, left, moodOfTime, outcomeOf, plain, sentOf, whereOf } from '../lib/approvals'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Problem } from '../ui/states'

interface Decision {
  id: string
  isApproved: boolean
}

export type Decide = UseMutationResult<ApprovalBody, Error, Decision>

export function useDecide(): Decide {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, isApproved }: Decision) => {
      const path = { approval_id: id }
      return isApproved ? call('POST /api/v1/approvals/{approval_id}/approve', { path }) : call('POST /api/v1/approvals/{approval_id}/deny', { path })
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['approvals'] }),
  })
}

interface ApprovalCardProps {
  about: ApprovalBody
  now: number
  decide: Decide
  isChosen: boolean
  onChoose?: () => void
}

export function ApprovalCard({ about, now, decide, isChosen, onChoose }: ApprovalCardProps) {
  const say = useWords()
  const { mayChange } = useRights()
  const tools = useQuery(toolsQuery)
  const where = whereOf(tools.data?.items.find(({ id }) => id === about.tool_id))
  const time = left(about.expires_at, now)
  const isWaiting = about.state === 'waiting' && time > 0
  const isMine = decide.variables?.id === about.id
  const act = (isApproved: boolean) => {
    onChoose?.()
    decide.mutate({ id: about.id, isApproved })
  }
  return (
    <li id={`approval-${about.id}`} className={isChosen ? 'panel approval chosen' : 'panel approval'} aria-current={isChosen ? 'true' : undefined}>
      <div className="panel-head">
        <div>
          <h2>
            <code>{about.tool}</code>
          </h2>
          <p className="quiet">
            {say('approvals.asked_by', { person: plain(about.person) || say('approvals.somebody'), agent: about.agent })} · <time dateTime={about.asked_at}>{moment(about.asked_at)}</time>
          </p>
        </div>
        {isWaiting ? (
          <Badge mood={moodOfTime(time)}>
            <span role="timer">{say('approvals.left', { time: countdown(time) })}</span>
          </Badge>
        ) : (
          <Outcome about={about} />
        )}
      </div>
      <p className="approval-where">{where ? <code>{plain(where)}</code> : tools.isSuccess && <span className="quiet">{say('approvals.tool_gone')}</span>}</p>
      <Payload args={about.arguments} />
      <Decided about={about} />
      {isMine && <Conflict error={decide.error} about={about} />}
      <div className="actions">
        {isWaiting && mayChange && (
          <>
            <Button look="primary" busy={isMine && decide.isPending} aria-keyshortcuts="a" onClick={() => act(true)}>
              {say('approvals.approve')}
            </Button>
            <Button look="danger" busy={isMine && decide.isPending} aria-keyshortcuts="d" onClick={() => act(false)}>
              {say('approvals.deny')}
            </Button>
          </>
        )}
        <Link className="button quiet" to="/inbox" search={{ conversation: about.conversation_id }}>
          {say('approvals.open')}
        </Link>
      </div>
    </li>
  )
}

function Outcome({ about }: { about: ApprovalBody }) {
  const say = useWords()
  // Over by the clock of this page; the list says so with its next answer.
  const [word, mood] = outcomeOf(about.state === 'waiting' ? { ...about, state: 'expired' } : about)
  return <Badge mood={mood}>{say(word)}</Badge>
}

function Payload({ args }: { args: object }) {
  const say = useWords()
  const sent = sentOf(args)
  return (
    <div className="payload" role="group" aria-label={say('approvals.payload')}>
      {sent.length === 0 ? (
        <p className="quiet">{say('approvals.no_payload')}</p>
      ) : (
        <dl>
          {sent.map(({ name, value, isText }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd className={isText ? 'sent text' : 'sent'}>{value === '' ? <span className="quiet">{say('approvals.empty_text')}</span> : value}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}

/** Who decided, what came of it, and for what exactly. */
function Decided({ about }: { about: ApprovalBody }) {
  const say = useWords()
  const { user } = useSession()
  const members = useQuery(membersQuery)
  const by = about.decided_by
  const member = members.data?.items.find(({ user_id: id }) => id === by)?.name
  const name = by === user.id ? say('approvals.you') : (member ?? about.decided_name ?? say('approvals.somebody'))
  return (
    <>
      {about.decided_at && (
        <p className="quiet">
          {say(about.state === 'denied' ? 'approvals.denied_by' : 'approvals.approved_by', { name, when: ago(about.decided_at) })}
        </p>
      )}
      {about.result && about.state !== 'waiting' && <p className="said result">{plain(about.result)}</p>}
      <details>
        <summary>{say('approvals.exact')}</summary>
        <p className="hint">{say('approvals.exact_text')}</p>
        <pre className="hash">{plain(JSON.stringify(about.arguments, null, 2))}</pre>
        <p className="hash">
          <code>{about.digest}</code>
        </p>
      </details>
    </>
  )
}

/** Somebody was quicker: that is no failure, and it is said what they chose. */
function Conflict({ error, about }: { error: unknown; about: ApprovalBody }) {
  const say = useWords()
  if (!(error instanceof ApiProblem && error.code === 'approval_over')) return <Problem of={error} />
  return (
    <p className="note fair" role="status">
      {say(about.state === 'denied' ? 'approvals.meanwhile_denied' : about.state === 'expired' || about.state === 'waiting' ? 'approvals.meanwhile_over' : 'approvals.meanwhile_approved')}
    </p>
  )
}
