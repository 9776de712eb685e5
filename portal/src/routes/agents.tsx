// /agents: who answers, and how.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { agentsQuery } from '../api/queries'
import { useRights } from '../api/session'
import { AgentForm } from '../components/agent-form'
import { PageHead } from '../components/page-head'
import { useWords } from '../lib/words'
import { Badge, Initials } from '../ui/badge'
import { Asking, Empty } from '../ui/states'

const route = getRouteApi('/app/agents')
const NEW = 'new'

export function AgentsPage() {
  const say = useWords()
  const { agent: chosen } = route.useSearch()
  const navigate = useNavigate()
  const { mayAdministrate } = useRights()
  const agents = useQuery(agentsQuery)
  const open = (agent: string) => void navigate({ to: '/agents', search: { agent } })
  return (
    <main className="content">
      <PageHead title={say('nav.agents')} text={say('agents.text')}>
        {mayAdministrate && (
          <Link className="button" to="/agents" search={{ agent: NEW }}>
            {say('agents.new')}
          </Link>
        )}
      </PageHead>
      <Asking query={agents}>
        {({ items }) => {
          const shown = items.find(({ id }) => id === chosen) ?? (chosen === NEW ? undefined : items[0])
          return (
            <div className="studio">
              <ul className="agent-list" aria-label={say('nav.agents')}>
                {items.map((agent) => (
                  <li key={agent.id}>
                    <Link to="/agents" search={{ agent: agent.id }} aria-current={agent.id === shown?.id ? 'true' : undefined}>
                      <Initials name={agent.name} kind="agent" />
                      <span>
                        <strong>{agent.name}</strong>
                        <span className="quiet">{agent.role || say('agents.no_role')}</span>
                      </span>
                      {agent.is_default && <Badge>{say('agents.default')}</Badge>}
                    </Link>
                  </li>
                ))}
              </ul>
              {shown || chosen === NEW ? (
                <AgentForm key={shown?.id ?? NEW} agent={shown} onSaved={(agent) => open(agent.id)} />
              ) : (
                <Empty title={say('agents.empty')}>
                  <p>{say('agents.empty_text')}</p>
                </Empty>
              )}
            </div>
          )
        }}
      </Asking>
    </main>
  )
}
