// Tool servers, by the Model Context Protocol: each with the tools it brought along, looking at it again, and deleting it.
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { call } from '../api/client'
import { serversQuery, useToolsAgain } from '../api/tool-servers'
import type { LookedAt, McpServerBody, ToolBody } from '../api/schema'
import { useRights } from '../api/session'
import { hostOf } from '../lib/tools'
import { ago, moment } from '../lib/time'
import { count } from '../lib/traces'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Asking, Empty, Problem } from '../ui/states'
import { Confirm } from './confirm'

export const NEW_SERVER = 'new-server'

interface ToolServersProps {
  tools: ToolBody[]
  /** How a tool is shown in a list. */
  line: (tool: ToolBody) => ReactNode
}

export function ToolServers({ tools, line }: ToolServersProps) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const servers = useQuery(serversQuery)
  const connect = mayAdministrate && (
    <Link className="button" to="/tools" search={{ tool: NEW_SERVER }}>
      {say('servers.new')}
    </Link>
  )
  return (
    <section className="tool-group">
      <div className="tool-group-head">
        <h2>{say('servers.title')}</h2>
        {(servers.data?.items.length ?? 0) > 0 && connect}
      </div>
      <Asking query={servers} lines={2}>
        {({ items }) =>
          items.length === 0 ? (
            <div className="panel">
              <Empty title={say('servers.empty')}>
                <p>{say(mayAdministrate ? 'servers.empty_text' : 'servers.empty_ask')}</p>
                {connect}
              </Empty>
            </div>
          ) : (
            items.map((server) => <Server key={server.id} server={server} tools={tools.filter(({ server: of }) => of?.id === server.id)} line={line} />)
          )
        }
      </Asking>
    </section>
  )
}

function Server({ server, tools, line }: { server: McpServerBody; tools: ToolBody[]; line: ToolServersProps['line'] }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const again = useToolsAgain()
  const path = { server_id: server.id }
  const look = useMutation({ mutationFn: () => call('POST /api/v1/mcp-servers/{server_id}/look', { path }), onSuccess: again })
  return (
    <article className="panel tool-server" aria-label={server.name}>
      <header className="tool-group-head">
        <div>
          <h3>{server.name}</h3>
          <p className="quiet">
            <code>{hostOf(server.url)}</code>
            {typeof server.token_hint === 'string' && ` · ${say('servers.token_is', { hint: server.token_hint })}`}
            {' · '}
            <time dateTime={server.looked_at} title={moment(server.looked_at)}>
              {say('servers.looked', { when: ago(server.looked_at) })}
            </time>
          </p>
        </div>
        {mayAdministrate && (
          <div className="actions">
            <Button busy={look.isPending} aria-label={say('servers.look_of', { name: server.name })} onClick={() => look.mutate()}>
              {say('servers.look')}
            </Button>
            <Confirm
              label={say('servers.delete')}
              name={server.name}
              title={say('servers.delete_title', { name: server.name })}
              text={say('servers.delete_text')}
              act={() => call('DELETE /api/v1/mcp-servers/{server_id}', { path }).then(again)}
            />
          </div>
        )}
      </header>
      <Problem of={look.error} />
      {look.data && <Looked at={look.data} />}
      {tools.length === 0 ? <p className="quiet">{say('servers.no_tools')}</p> : <ul className="lines tools">{tools.map(line)}</ul>}
    </article>
  )
}

/** What a look has found; what could not be taken is named, with why. */
export function Looked({ at: { new: came, locked, left_out: leftOut } }: { at: LookedAt }) {
  const say = useWords()
  const told = [came > 0 && say('servers.found_new', { count: count(came) }), locked > 0 && say('servers.found_locked', { count: count(locked) })].filter(Boolean)
  return (
    <div role="status" className={`note ${locked > 0 || leftOut.length > 0 ? 'fair' : 'good'}`}>
      <p>{told.length > 0 ? told.join(' ') : say('servers.found_same')}</p>
      {leftOut.length > 0 && (
        <>
          <p>{say('servers.left_out')}</p>
          <ul>
            {leftOut.map(({ name, why }) => (
              <li key={name}>
                <code>{name}</code>: {why}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}
