// Deleting a rule: conversations are no longer handed over by it, so it is asked for twice.
import { useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { rulesQuery } from '../api/queries'
import type { RuleBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Confirm } from './confirm'

export function DeleteRule({ rule, onDeleted }: { rule: RuleBody; onDeleted: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const again = () => client.invalidateQueries({ queryKey: rulesQuery.queryKey })
  return (
    <Confirm
      label={say('rules.delete')}
      title={say('rules.delete_title', { name: rule.name })}
      text={say('rules.delete_text')}
      act={() => call('DELETE /api/v1/escalation-rules/{rule_id}', { path: { rule_id: rule.id } }).then(again)}
      onDone={onDeleted}
    />
  )
}
