// Somebody else has changed the agent that one is editing: what they changed, and the two ways to go on.
import { useQuery } from '@tanstack/react-query'
import { agentVersionsQuery, membersQuery, toolsQuery } from '../api/queries'
import type { AgentBody } from '../api/schema'
import { differences, shapeOf, type Shape } from '../lib/agents'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Differences } from './differences'

interface AgentConflictProps {
  base: Shape
  mine: Shape
  theirs: AgentBody
  onTake: () => void
  onKeep: () => void
}

export function AgentConflict({ base, mine, theirs, onTake, onKeep }: AgentConflictProps) {
  const say = useWords()
  const tools = useQuery(toolsQuery)
  const versions = useQuery(agentVersionsQuery(theirs.id))
  const members = useQuery(membersQuery)
  const nameOf = (tool: string) => tools.data?.items.find(({ id }) => id === tool)?.name ?? tool
  const by = versions.data?.items[0]?.changed_by
  const name = members.data?.items.find(({ user_id: id }) => id === by)?.name ?? say('versions.somebody')
  return (
    <div className="note fair conflict" role="alert">
      <p>{say('conflict.text', { name })}</p>
      <Differences of={differences(base, shapeOf(theirs), nameOf)} />
      <p>{say('conflict.mine')}</p>
      <Differences of={differences(base, mine, nameOf)} />
      <div className="actions">
        <Button onClick={onTake}>{say('conflict.take')}</Button>
        <Button onClick={onKeep}>{say('conflict.keep')}</Button>
      </div>
      <p className="hint">{say('conflict.keep_hint')}</p>
    </div>
  )
}
