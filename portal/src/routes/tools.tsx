// /tools: what agents may do besides speaking. The tool that is open stands in the address.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { agentsQuery, toolsQuery } from '../api/queries'
import type { AgentBody, ToolBody } from '../api/schema'
import { useRights } from '../api/session'
import { PageHead } from '../components/page-head'
import { RemoteTool } from '../components/remote-tool'
import { ToolForm } from '../components/tool-form'
import { ToolServerForm } from '../components/tool-server-form'
import { NEW_SERVER, ToolServers } from '../components/tool-servers'
import { builtInWord, hostOf } from '../lib/tools'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Asking, Empty } from '../ui/states'

const route = getRouteApi('/app/tools')
const NEW = 'new'

export function ToolsPage() {
  const say = useWords()
  const { tool: chosen } = route.useSearch()
  const navigate = useNavigate()
  const { mayAdministrate } = useRights()
  const tools = useQuery(toolsQuery)
  const agents = useQuery(agentsQuery)
  const close = () => void navigate({ to: '/tools', search: {} })
  return (
    <main className="content">
      <PageHead title={say('nav.tools')} text={say('tools.text')}>
        {chosen ? (
          <Link className="button" to="/tools" search={{}}>
            {say('tools.all')}
          </Link>
        ) : (
          mayAdministrate && (
            <Link className="button primary" to="/tools" search={{ tool: NEW }}>
              {say('tools.new')}
            </Link>
          )
        )}
      </PageHead>
      <Asking query={tools}>
        {({ items, built_in: builtIn }) => {
          const shown = items.find(({ id }) => id === chosen)
          if (chosen === NEW && mayAdministrate) return <ToolForm key={NEW} tool={undefined} onSaved={close} onDeleted={close} />
          if (chosen === NEW_SERVER && mayAdministrate) return <ToolServerForm />
          if (shown?.server) return <RemoteTool key={`${shown.id} ${shown.changed_at}`} tool={shown} of={shown.server} onSaved={close} />
          if (shown) return <ToolForm key={shown.id} tool={shown} onSaved={close} onDeleted={close} />
          if (chosen && chosen !== NEW && chosen !== NEW_SERVER) {
            return (
              <Empty title={say('tools.gone')}>
                <Link className="button" to="/tools" search={{}}>
                  {say('tools.all')}
                </Link>
              </Empty>
            )
          }
          return (
            <>
              <Own items={items.filter(({ server }) => !server)} />
              <ToolServers tools={items} line={(tool) => <Line key={tool.id} tool={tool} users={usersOf(agents.data?.items, tool.id)} />} />
              <BuiltIn names={builtIn} />
            </>
          )
        }}
      </Asking>
    </main>
  )
}

function Own({ items }: { items: ToolBody[] }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const agents = useQuery(agentsQuery)
  return (
    <section className="tool-group">
      <h2>{say('tools.own')}</h2>
      {items.length === 0 ? (
        <div className="panel">
          <Empty title={say('tools.empty')}>
            <p>{say(mayAdministrate ? 'tools.empty_text' : 'tools.empty_ask')}</p>
            {mayAdministrate && (
              <Link className="button" to="/tools" search={{ tool: NEW }}>
                {say('tools.new')}
              </Link>
            )}
          </Empty>
        </div>
      ) : (
        <ul className="lines panel tools">
          {items.map((tool) => (
            <Line key={tool.id} tool={tool} users={usersOf(agents.data?.items, tool.id)} />
          ))}
        </ul>
      )}
    </section>
  )
}

/** `undefined`: not known yet. */
const usersOf = (agents: AgentBody[] | undefined, tool: string) => agents?.filter(({ tools }) => tools.includes(tool))

function Line({ tool, users }: { tool: ToolBody; users: AgentBody[] | undefined }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  return (
    <li>
      <span>
        <Link className="tool-name" to="/tools" search={{ tool: tool.id }}>
          {tool.name}
        </Link>
        <span className="quiet">{tool.description}</span>
        <span className="quiet tool-where">
          <code>
            {tool.server ? tool.server.name : `${tool.method.toUpperCase()} ${hostOf(tool.url)}`}
          </code>
          {tool.secret_hint !== null && tool.secret_hint !== undefined && <span>{say('tools.secret_is', { header: tool.header ?? '', hint: tool.secret_hint })}</span>}
        </span>
        <Users users={users} />
      </span>
      {tool.server?.locked_at && <Badge mood="bad">{say('servers.locked')}</Badge>}
      {!tool.enabled && <Badge mood="fair">{say('tools.off')}</Badge>}
      <Class of={tool.class} />
      <Link className="button quiet" to="/tools" search={{ tool: tool.id }} aria-label={say(mayAdministrate ? 'tools.edit_of' : 'tools.look_at', { name: tool.name })}>
        {say(mayAdministrate ? 'tools.edit' : 'tools.look')}
      </Link>
    </li>
  )
}

/** Who may use it; a tool that nobody may use does nothing, and says so. */
function Users({ users }: { users: AgentBody[] | undefined }) {
  const say = useWords()
  if (users === undefined) return null
  if (users.length === 0) return <span className="quiet">{say('tools.unused')}</span>
  return (
    <span className="quiet">
      {say('tools.used_by')}{' '}
      {users.map((agent, at) => (
        <span key={agent.id}>
          {at > 0 && ', '}
          <Link to="/agents" search={{ agent: agent.id }}>
            {agent.name}
          </Link>
        </span>
      ))}
    </span>
  )
}

function Class({ of: name }: { of: string }) {
  const say = useWords()
  return <Badge mood={name === 'read' ? 'good' : 'fair'}>{say(name === 'read' ? 'tools.read' : 'tools.write')}</Badge>
}

function BuiltIn({ names }: { names: string[] }) {
  const say = useWords()
  const agents = useQuery(agentsQuery)
  return (
    <section className="tool-group">
      <h2>{say('tools.built_in')}</h2>
      <p className="quiet">{say('tools.built_in_text')}</p>
      <ul className="lines panel tools">
        {names.map((name) => (
          <li key={name}>
            <span>
              <code>{name}</code>
              <span className="quiet">{say(builtInWord(name))}</span>
              <Users users={usersOf(agents.data?.items, name)} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
