// The side conversations of a conversation, above it; without any there is nothing to see.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { forksQuery } from '../api/rehearsals'
import type { InboxSearch } from '../lib/searches'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'

export function ForkList({ conversationId, shown }: { conversationId: string; shown: string | undefined }) {
  const say = useWords()
  const { data } = useQuery(forksQuery(conversationId))
  const items = data?.items ?? []
  if (items.length === 0) return null
  return (
    <nav className="fork-list" aria-label={say('forks.list')}>
      <span className="quiet">{say('forks.list')}:</span>
      {items.map((fork) => (
        <Link key={fork.id} to="/inbox" search={(before: InboxSearch) => ({ ...before, fork: fork.id, why: undefined })} aria-current={fork.id === shown ? 'true' : undefined} title={moment(fork.created_at)}>
          {fork.model ?? (typeof fork.instructions === 'string' ? say('draft.other_instructions') : fork.memory ? say('draft.own_model') : say('draft.no_memory'))}, {ago(fork.created_at)}
        </Link>
      ))}
    </nav>
  )
}
