// What a rule was before, and who changed it. A former version is taken into the form, and counts once it is saved.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { keysQuery, membersQuery, ruleVersionsQuery } from '../api/queries'
import type { RuleBody } from '../api/schema'
import { useRights } from '../api/session'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking } from '../ui/states'

export function RuleVersions({ rule, onRestore }: { rule: RuleBody; onRestore: (before: RuleBody) => void }) {
  const say = useWords()
  const [isOpen, setOpen] = useState(false)
  return (
    <details className="panel" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{say('rules.versions', { count: rule.version })}</summary>
      {isOpen && <List rule={rule} onRestore={onRestore} />}
    </details>
  )
}

function List({ rule, onRestore }: { rule: RuleBody; onRestore: (before: RuleBody) => void }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const versions = useQuery(ruleVersionsQuery(rule.id))
  const members = useQuery(membersQuery)
  const keys = useQuery({ ...keysQuery, enabled: mayAdministrate })
  const named = (id: string) =>
    members.data?.items.find(({ user_id: user }) => user === id)?.name ?? keys.data?.items.find((key) => key.id === id)?.name ?? say('rules.somebody')
  return (
    <Asking query={versions} lines={2}>
      {({ items }) => (
        <ol className="lines" reversed>
          {items.map((version) => (
            <li key={version.version} value={version.version}>
              <span>
                <code>{version.condition}</code>
                <span className="quiet">
                  {say('rules.version_by', { version: version.version, name: named(version.changed_by), when: moment(version.changed_at) })}
                  {version.name !== rule.name && ` · ${version.name}`}
                  {version.assign_to.length > 0 && ` · ${say('rules.version_for', { names: version.assign_to.map(named).join(', ') })}`}
                </span>
              </span>
              <Badge mood={version.enabled ? 'good' : 'calm'}>{say(version.enabled ? 'rules.on' : 'rules.off')}</Badge>
              {mayAdministrate && version.version !== rule.version && (
                <Button onClick={() => onRestore(version)} aria-label={say('rules.restore_of', { version: version.version })}>
                  {say('rules.restore')}
                </Button>
              )}
            </li>
          ))}
        </ol>
      )}
    </Asking>
  )
}
