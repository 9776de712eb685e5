// One conversation that was handed to a human: why, since when, who sees to it, and what to know first.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { call } from '../api/client'
import { membersQuery } from '../api/queries'
import type { EscalationBody } from '../api/schema'
import { useRights, useSession } from '../api/session'
import { between } from '../lib/traces'
import { ago, moment } from '../lib/time'
import { length, moodOf, PROMISED_MS } from '../lib/waiting'
import { useWords } from '../lib/words'
import { Badge, Initials } from '../ui/badge'
import { Button } from '../ui/button'
import { Problem } from '../ui/states'

export function EscalationCard({ about, now }: { about: EscalationBody; now: number }) {
  const say = useWords()
  // The summary begins with the reason.
  const isOpen = about.state === 'waiting' && about.summary !== ''
  return (
    <li className="panel escalation">
      <div className="panel-head">
        <Initials name={about.person} />
        <div>
          <h2>
            <Link to="/inbox" search={{ conversation: about.conversation_id }}>
              {about.person || say('escalations.somebody')}
            </Link>
          </h2>
          <p className="quiet">
            {about.rule ? (
              <>
                {say('escalations.by_rule')}{' '}
                <Link to="/rules" search={{ rule: about.rule.id }}>
                  {about.rule.name}
                </Link>
              </>
            ) : (
              say('escalations.asked')
            )}
            {' · '}
            <time dateTime={about.opened_at}>{moment(about.opened_at)}</time>
            <MeantFor user={about.meant_for} />
          </p>
        </div>
        <Clock about={about} now={now} />
      </div>
      {!isOpen && <p>{about.reason}</p>}
      {about.summary && (
        <details open={isOpen}>
          <summary>{say('escalations.summary')}</summary>
          <p className="said summary">{about.summary}</p>
        </details>
      )}
      {about.state !== 'closed' && <Acts about={about} />}
    </li>
  )
}

/** Whom the rule chose; who has left is nobody to wait for. */
function MeantFor({ user }: { user: string | null | undefined }) {
  const say = useWords()
  const members = useQuery(membersQuery)
  const member = members.data?.items.find(({ user_id: id }) => id === user)
  if (!member) return null
  return (
    <>
      {' · '}
      <strong>{say('escalations.for', { name: member.name || member.mail })}</strong>
    </>
  )
}

/** Against the half hour after which the team is reminded. */
export function Clock({ about, now }: { about: EscalationBody; now: number }) {
  const say = useWords()
  if (about.state === 'closed') {
    const took = between(about.opened_at, about.closed_at)
    return <Badge>{say('escalations.took', { length: length(took ?? 0) })}</Badge>
  }
  if (about.state === 'human') return <Badge mood="good">{say('escalations.taken', { when: about.taken_at ? ago(about.taken_at, now) : '' })}</Badge>
  const waited = Math.max(0, now - Date.parse(about.opened_at))
  const left = PROMISED_MS - waited
  return (
    <span className="clock">
      <Badge mood={moodOf(waited)}>{say('escalations.waits', { length: length(waited) })}</Badge>
      <span className="quiet">{left > 0 ? say('escalations.left', { length: length(left) }) : say('escalations.overdue', { length: length(-left) })}</span>
    </span>
  )
}

function Acts({ about }: { about: EscalationBody }) {
  const say = useWords()
  const { mayChange } = useRights()
  const { user } = useSession()
  const members = useQuery(membersQuery)
  const client = useQueryClient()
  const path = { escalation_id: about.id }
  const onSettled = () =>
    Promise.all([client.invalidateQueries({ queryKey: ['escalations'] }), client.invalidateQueries({ queryKey: ['conversations'] })])
  const assign = useMutation({
    mutationFn: (member: string | null) => call('POST /api/v1/escalations/{escalation_id}/assign', { path, body: { user_id: member } }),
    onSettled,
  })
  const close = useMutation({ mutationFn: () => call('POST /api/v1/escalations/{escalation_id}/close', { path }), onSettled })
  const colleagues = members.data?.items ?? []
  const isMine = about.assigned_to === user.id
  const isKnown = colleagues.some((member) => member.user_id === about.assigned_to)
  return (
    <>
      <div className="actions">
        {mayChange && !isMine && (
          <Button look={about.state === 'waiting' ? 'primary' : 'plain'} busy={assign.isPending} onClick={() => assign.mutate(null)}>
            {say('escalations.take')}
          </Button>
        )}
        <Link className={isMine ? 'button primary' : 'button'} to="/inbox" search={{ conversation: about.conversation_id }}>
          {say('escalations.open')}
        </Link>
        {mayChange && about.state === 'human' && (
          <Button busy={close.isPending} onClick={() => close.mutate()}>
            {say('escalations.give_back')}
          </Button>
        )}
        {mayChange && colleagues.length > 1 && (
          <label className="assign">
            <span className="quiet">{say('escalations.assigned')}</span>
            <select
              aria-label={say('escalations.assign', { name: about.person })}
              value={about.assigned_to ?? ''}
              disabled={assign.isPending}
              onChange={(event) => assign.mutate(event.target.value)}
            >
              {!about.assigned_to && <option value="">{say('escalations.nobody')}</option>}
              {about.assigned_to && !isKnown && <option value={about.assigned_to}>{say('escalations.somebody_else')}</option>}
              {colleagues.map((member) => (
                <option key={member.user_id} value={member.user_id}>
                  {member.name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <Problem of={assign.error ?? close.error} />
    </>
  )
}
