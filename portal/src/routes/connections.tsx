// /connections: the channels, whether they work, and connecting another.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { connectionsQuery, noticesQuery } from '../api/queries'
import type { ConnectionBody } from '../api/schema'
import { useRights } from '../api/session'
import { ConnectChannel } from '../components/connect-channel'
import { Notices } from '../components/notices'
import { PageHead } from '../components/page-head'
import { Templates } from '../components/templates'
import { isOfConnections } from '../lib/notices'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge, ChannelBadge } from '../ui/badge'
import { Button } from '../ui/button'
import { Command } from '../ui/command'
import { Asking, Empty } from '../ui/states'

export function ConnectionsPage() {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const connections = useQuery(connectionsQuery)
  const [isConnecting, setConnecting] = useState(false)
  return (
    <main className="content">
      <PageHead title={say('nav.connections')} text={say('connections.text')}>
        {mayAdministrate && !isConnecting && (
          <Button look="primary" onClick={() => setConnecting(true)}>
            {say('connections.new')}
          </Button>
        )}
      </PageHead>
      <Notices about={isOfConnections} />
      {isConnecting && (
        <section className="panel" aria-labelledby="connect-title">
          <h2 id="connect-title">{say('connections.new')}</h2>
          <ConnectChannel onConnected={() => setConnecting(false)} />
          <Button look="quiet" onClick={() => setConnecting(false)}>
            {say('settings.cancel')}
          </Button>
        </section>
      )}
      <Asking query={connections}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={say('connections.empty')}>
              <p>{say(mayAdministrate ? 'connections.empty_text' : 'connections.empty_ask')}</p>
            </Empty>
          ) : (
            <ul className="cards">
              {items.map((connection) => (
                <ConnectionCard key={connection.id} connection={connection} />
              ))}
            </ul>
          )
        }
      </Asking>
    </main>
  )
}

function ConnectionCard({ connection }: { connection: ConnectionBody }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const isDead = connection.status !== 'active'
  // A connection says that it is dead; why stands in the notice of that moment.
  const notices = useQuery({ ...noticesQuery, enabled: isDead })
  const reason = notices.data?.items.find((notice) => notice.connection_id === connection.id)?.body
  return (
    <li className="panel connection">
      <div className="connection-head">
        <ChannelBadge channel={connection.channel} />
        <h2>{connection.display_name || connection.external_id}</h2>
        <Badge mood={isDead ? 'bad' : 'good'}>{say(isDead ? 'connections.dead' : 'connections.active')}</Badge>
      </div>
      {isDead && <p className="note bad">{reason ?? say('connections.dead_text')}</p>}
      <dl className="facts">
        <div>
          <dt>{say(connection.channel === 'slack' ? 'connections.team' : 'connections.number')}</dt>
          <dd>
            <code>{connection.external_id}</code>
          </dd>
        </div>
        <div>
          <dt>{say('connections.app')}</dt>
          <dd>{connection.app_id ? <code>{connection.app_id}</code> : say('connections.app_ours')}</dd>
        </div>
        <div>
          <dt>{say('connections.since')}</dt>
          <dd>{moment(connection.created_at)}</dd>
        </div>
      </dl>
      {mayAdministrate && (
        <details>
          <summary>{say('connections.address')}</summary>
          <p className="quiet">{say('connections.address_text')}</p>
          <Command text={connection.events_url} />
        </details>
      )}
      {connection.channel === 'whatsapp' && <Templates connectionId={connection.id} />}
    </li>
  )
}
