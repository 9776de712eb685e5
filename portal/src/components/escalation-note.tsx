// Above a conversation that was handed to a human: why, since when, and what to know first.
import { useInfiniteQuery } from '@tanstack/react-query'
import { escalationsQuery } from '../api/queries'
import type { ConversationBody } from '../api/schema'
import { useNow } from '../lib/waiting'
import { useWords } from '../lib/words'
import { Clock } from './escalation-card'

/** Of those that wait or that humans have, the latest fifty are known. */
export function EscalationNote({ about }: { about: ConversationBody }) {
  return <Note key={about.handler} conversationId={about.id} state={about.handler === 'human' ? 'human' : 'waiting'} />
}

function Note({ conversationId, state }: { conversationId: string; state: 'human' | 'waiting' }) {
  const say = useWords()
  const now = useNow()
  const list = useInfiniteQuery(escalationsQuery({ state }))
  const escalation = list.data?.pages.flatMap((page) => page.items).find((one) => one.conversation_id === conversationId)
  if (!escalation) return null
  return (
    <details className="around" open={state === 'waiting'}>
      <summary>
        {say('escalation.for_human')}: {escalation.reason} <Clock about={escalation} now={now} />
      </summary>
      {escalation.summary && <p className="said summary">{escalation.summary}</p>}
    </details>
  )
}
