// Forgetting can't be undone: it is asked for twice.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { MemoryBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Problem } from '../ui/states'

interface ForgetMemoryProps {
  memory: MemoryBody
  onForgotten: (characters: number) => void
  onClose: () => void
}

export function ForgetMemory({ memory, onForgotten, onClose }: ForgetMemoryProps) {
  const say = useWords()
  const client = useQueryClient()
  const forget = useMutation({
    mutationFn: () => call('DELETE /api/v1/memories/{memory_id}', { path: { memory_id: memory.id } }),
    onSuccess: async ({ characters }) => {
      await Promise.all([
        client.invalidateQueries({ queryKey: ['memories'] }),
        client.invalidateQueries({ queryKey: ['trace'] }),
      ])
      onForgotten(characters)
      onClose()
    },
  })
  return (
    <Dialog title={say('memory.forget_title')} onClose={onClose}>
      <blockquote className="said">{memory.text}</blockquote>
      <p>{say(memory.fact ? 'facts.forget_text' : 'memory.forget_text')}</p>
      <Problem of={forget.error} />
      <div className="actions">
        <Button look="danger" busy={forget.isPending} onClick={() => forget.mutate()}>
          {say('memory.forget')}
        </Button>
        <Button onClick={onClose}>{say('settings.cancel')}</Button>
      </div>
    </Dialog>
  )
}
