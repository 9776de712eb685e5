// Deleting a rule: conversations are no longer handed over by it, so it is asked for twice.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { rulesQuery } from '../api/queries'
import type { RuleBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Problem } from '../ui/states'

export function DeleteRule({ rule, onDeleted }: { rule: RuleBody; onDeleted: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const [isAsked, setAsked] = useState(false)
  const remove = useMutation({
    mutationFn: () => call('DELETE /api/v1/escalation-rules/{rule_id}', { path: { rule_id: rule.id } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: rulesQuery.queryKey })
      setAsked(false)
      onDeleted()
    },
  })
  return (
    <>
      <Button look="quiet" onClick={() => setAsked(true)}>
        {say('rules.delete')}
      </Button>
      {isAsked && (
        <Dialog title={say('rules.delete_title', { name: rule.name })} onClose={() => setAsked(false)}>
          <p>{say('rules.delete_text')}</p>
          <Problem of={remove.error} />
          <div className="actions">
            <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
              {say('rules.delete')}
            </Button>
            <Button onClick={() => setAsked(false)}>{say('settings.cancel')}</Button>
          </div>
        </Dialog>
      )}
    </>
  )
}
