// What a rule would have done to the conversations there were: which of them a human would have got, where and why.
import { useMutation, useQuery, type UseMutationResult } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { call } from '../api/client'
import { agentsQuery } from '../api/queries'
import type { Simulated } from '../api/schema'
import { percent } from '../lib/money'
import { count } from '../lib/traces'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Meter } from '../ui/bars'
import { Loading, Problem } from '../ui/states'

/** A rule that takes that many conversations from the agents is rarely meant. */
const MANY = 0.3

export function useSimulation() {
  return useMutation({
    mutationFn: (condition: string) => call('POST /api/v1/escalation-rules/simulate', { body: { condition } }),
  })
}

export function Simulation({ of: simulation, isStumble }: { of: UseMutationResult<Simulated, Error, string>; isStumble: boolean }) {
  const say = useWords()
  if (simulation.isPending) {
    return (
      <section className="panel" aria-label={say('rules.simulation')}>
        <p className="quiet">{say('rules.simulating')}</p>
        <Loading lines={2} />
      </section>
    )
  }
  // The line itself says where it went wrong.
  if (simulation.error) return isStumble ? null : <Problem of={simulation.error} />
  return simulation.data ? <Outcome told={simulation.data} /> : null
}

function Outcome({ told }: { told: Simulated }) {
  const say = useWords()
  const agents = useQuery(agentsQuery)
  const part = told.conversations > 0 ? told.escalated / told.conversations : 0
  return (
    <section className="panel simulation" aria-labelledby="simulation-title" role="status">
      <h2 id="simulation-title">{say('rules.simulation')}</h2>
      {told.conversations === 0 ? (
        <p>{say('rules.no_past')}</p>
      ) : (
        <>
          <p>{say('rules.outcome', { escalated: count(told.escalated), conversations: count(told.conversations), part: percent(part) })}</p>
          <Meter part={part} mood={part >= MANY ? 'fair' : 'good'} />
        </>
      )}
      {part >= MANY && <p className="note fair">{say('rules.many', { name: agents.data?.items.find((agent) => agent.is_default)?.name ?? '' })}</p>}
      {!told.complete && <p className="note fair">{say('rules.incomplete', { conversations: count(told.conversations) })}</p>}
      {told.items.length > 0 && (
        <>
          <h3>{say('rules.changed')}</h3>
          <ul className="lines">
            {told.items.map((match) => (
              <li key={match.message_id}>
                <span>
                  <Link to="/inbox" search={{ conversation: match.conversation_id }} className="said">
                    {match.excerpt}
                  </Link>
                  <span className="quiet">
                    {match.reason} · <time dateTime={match.sent_at}>{moment(match.sent_at)}</time>
                  </span>
                </span>
              </li>
            ))}
          </ul>
          {told.escalated > told.items.length && <p className="quiet">{say('rules.and_more', { count: count(told.escalated - told.items.length) })}</p>}
        </>
      )}
    </section>
  )
}
