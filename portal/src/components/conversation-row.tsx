// One conversation in the list.
import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import type { ConversationBody } from '../api/schema'
import { titleOf } from '../lib/conversations'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import type { InboxSearch } from '../lib/searches'
import { Badge, ChannelBadge } from '../ui/badge'

interface ConversationRowProps {
  conversation: ConversationBody
  search: InboxSearch
  /** Its place among all of them, of which only some are drawn; -1: nobody knows how many there are. */
  position: number
  count: number
}

export const ConversationRow = memo(function ConversationRow({ conversation, search, position, count }: ConversationRowProps) {
  const say = useWords()
  const { id, found } = conversation
  // What was looked for says more than what was said last.
  const shown = found ?? conversation.last_message
  const at = found?.sent_at ?? conversation.last_message_at
  return (
    <li id={`row-${id}`} className="row" aria-setsize={count} aria-posinset={position}>
      <Link to="/inbox" search={{ ...search, conversation: id, message: found?.message_id, why: undefined }} preload={false} aria-current={search.conversation === id ? 'true' : undefined}>
        <span className="row-top">
          <strong>{titleOf(conversation)}</strong>
          <time dateTime={at} title={moment(at)}>
            {ago(at)}
          </time>
        </span>
        <span className="excerpt">{shown ? `${shown.author}: ${shown.excerpt}` : say('inbox.silent')}</span>
        <span className="row-bottom">
          <ChannelBadge channel={conversation.channel} />
          {conversation.waiting_since && <Badge mood="fair">{say('inbox.waits', { when: ago(conversation.waiting_since) })}</Badge>}
          {conversation.handler === 'human' && <Badge mood="good">{say('inbox.by_human')}</Badge>}
        </span>
      </Link>
    </li>
  )
})
