// What an agent was, with who made it so, and what each change changed; a version is taken into the form and counts once it is
// saved.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { agentVersionsQuery, keysQuery, membersQuery, toolsQuery } from '../api/queries'
import type { AgentBody, AgentVersionBody } from '../api/schema'
import { useRights } from '../api/session'
import { differences, shapeOf } from '../lib/agents'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Asking } from '../ui/states'
import { Differences } from './differences'

interface AgentVersionsProps {
  agent: AgentBody
  onRestore: (version: AgentVersionBody) => void
}

export function AgentVersions({ agent, onRestore }: AgentVersionsProps) {
  const say = useWords()
  const [isOpen, setOpen] = useState(false)
  return (
    <details className="panel versions" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{say('versions.title')}</summary>
      {isOpen && <List agent={agent} onRestore={onRestore} />}
    </details>
  )
}

function List({ agent, onRestore }: AgentVersionsProps) {
  const say = useWords()
  const versions = useQuery(agentVersionsQuery(agent.id))
  const tools = useQuery(toolsQuery)
  const nameOf = (tool: string) => tools.data?.items.find(({ id }) => id === tool)?.name ?? tool
  return (
    <Asking query={versions} lines={3}>
      {({ items }) =>
        items.length === 0 ? (
          <p className="quiet">{say('versions.none')}</p>
        ) : (
          <ol className="version-list" reversed>
            {items.map((version, at) => (
              <Version key={version.version} version={version} before={items[at + 1]} isNow={at === 0} nameOf={nameOf} onRestore={onRestore} />
            ))}
          </ol>
        )
      }
    </Asking>
  )
}

interface VersionProps {
  version: AgentVersionBody
  before: AgentVersionBody | undefined
  isNow: boolean
  nameOf: (tool: string) => string
  onRestore: (version: AgentVersionBody) => void
}

function Version({ version, before, isNow, nameOf, onRestore }: VersionProps) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const author = useAuthor(version.changed_by)
  return (
    <li>
      <p className="version-head">
        <span>{say('versions.by', { version: version.version, name: author, when: moment(version.created_at) })}</span>
        {mayAdministrate && !isNow && (
          <Button look="quiet" aria-label={say('versions.restore_of', { version: version.version })} onClick={() => onRestore(version)}>
            {say('versions.restore')}
          </Button>
        )}
      </p>
      {before ? <Differences of={differences(shapeOf(before), shapeOf(version), nameOf)} /> : <p className="quiet">{say('versions.first')}</p>}
    </li>
  )
}

function useAuthor(id: string): string {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const members = useQuery(membersQuery)
  const keys = useQuery({ ...keysQuery, enabled: mayAdministrate })
  if (id === 'konstruct') return say('versions.konstruct')
  const member = members.data?.items.find(({ user_id: user }) => user === id)
  const key = keys.data?.items.find((one) => one.id === id)
  return member?.name ?? key?.name ?? say('versions.somebody')
}
