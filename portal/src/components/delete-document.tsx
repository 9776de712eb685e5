// Deleting a document: no answer is reminded of it from then on, and its bytes are erased, so it is asked for twice.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { DocumentBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Problem } from '../ui/states'

export function DeleteDocument({ document, onClose }: { document: DocumentBody; onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const remove = useMutation({
    mutationFn: () => call('DELETE /api/v1/knowledge/{document_id}', { path: { document_id: document.id } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['knowledge'] })
      onClose()
    },
  })
  return (
    <Dialog title={say('knowledge.delete_title', { title: document.title })} onClose={onClose}>
      <p>{say('knowledge.delete_text')}</p>
      <Problem of={remove.error} />
      <div className="actions">
        <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          {say('knowledge.delete')}
        </Button>
        <Button onClick={onClose}>{say('settings.cancel')}</Button>
      </div>
    </Dialog>
  )
}
