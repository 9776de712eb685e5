// Deleting a tool: its secret goes with it, and every agent loses it, so it is asked for twice.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { agentsQuery, toolsQuery } from '../api/queries'
import type { ToolBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Problem } from '../ui/states'

export function DeleteTool({ tool, onDeleted }: { tool: ToolBody; onDeleted: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const [isAsked, setAsked] = useState(false)
  const remove = useMutation({
    mutationFn: () => call('DELETE /api/v1/tools/{tool_id}', { path: { tool_id: tool.id } }),
    onSuccess: async () => {
      await Promise.all([client.invalidateQueries({ queryKey: toolsQuery.queryKey }), client.invalidateQueries({ queryKey: agentsQuery.queryKey })])
      setAsked(false)
      onDeleted()
    },
  })
  return (
    <>
      <Button look="quiet" onClick={() => setAsked(true)}>
        {say('tools.delete')}
      </Button>
      {isAsked && (
        <Dialog title={say('tools.delete_title', { name: tool.name })} onClose={() => setAsked(false)}>
          <p>{say('tools.delete_text')}</p>
          <Problem of={remove.error} />
          <div className="actions">
            <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
              {say('tools.delete')}
            </Button>
            <Button onClick={() => setAsked(false)}>{say('settings.cancel')}</Button>
          </div>
        </Dialog>
      )}
    </>
  )
}
