// Where a side conversation begins: at a message, with another model, other instructions or without memory.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { agentsQuery, traceQuery } from '../api/queries'
import { forksQuery } from '../api/rehearsals'
import type { AgentBody, ForkBody, MessageBody } from '../api/schema'
import { draftOf, NO_DRAFT } from '../lib/drafts'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Problem } from '../ui/states'
import { DraftFields } from './draft-form'

interface BeginForkProps {
  conversationId: string
  /** The last message that both have. */
  at: MessageBody
  onBegun: (fork: ForkBody) => void
  onClose: () => void
}

export function BeginFork({ conversationId, at, onBegun, onClose }: BeginForkProps) {
  const say = useWords()
  const client = useQueryClient()
  const agent = useAnswering(conversationId)
  const [form, setForm] = useState(NO_DRAFT)
  const begin = useMutation({
    mutationFn: async () => {
      const fork = await call('POST /api/v1/conversations/{conversation_id}/forks', { path: { conversation_id: conversationId }, body: { message_id: at.id, draft: draftOf(form, agent) } })
      // A person's message is answered at once. Where that can't be, the fork is there all the same, and offers it.
      if (at.author_kind === 'person') await call('POST /api/v1/forks/{fork_id}/messages', { path: { fork_id: fork.id }, body: {} }).catch(() => undefined)
      return fork
    },
    onSuccess: async (fork) => {
      await client.invalidateQueries({ queryKey: forksQuery(conversationId).queryKey })
      onBegun(fork)
    },
  })
  return (
    <Dialog title={say('forks.begin_title')} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          begin.mutate()
        }}
      >
        <p className="note">{say('forks.nothing_sent')}</p>
        <blockquote>
          <p className="quiet">{at.author}</p>
          <p className="said excerpt">{at.text}</p>
        </blockquote>
        <DraftFields form={form} agent={agent} onChange={setForm} />
        <Problem of={begin.error} />
        <div className="actions">
          <Button type="submit" look="primary" busy={begin.isPending}>
            {say('forks.begin')}
          </Button>
          <Button onClick={onClose}>{say('settings.cancel')}</Button>
        </div>
      </form>
    </Dialog>
  )
}

/** The agent that answered here last: it is the one that goes on in a fork. */
function useAnswering(conversationId: string): AgentBody | undefined {
  const client = useQueryClient()
  const agents = useQuery(agentsQuery)
  const { data } = useQuery({
    queryKey: ['answering', conversationId],
    queryFn: async () => (await client.fetchInfiniteQuery(traceQuery(conversationId))).pages[0]?.items.find(({ run_id: run }) => run)?.agent ?? null,
  })
  return agents.data?.items.find(({ name }) => name === data)
}
