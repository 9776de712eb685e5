// One conversation in the list.
import { Link } from '@tanstack/react-router'
import type { ConversationBody } from '../api/schema'
import { titleOf } from '../lib/conversations'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import type { InboxSearch } from '../lib/searches'
import { Badge, ChannelBadge } from '../ui/badge'

export function ConversationRow({ conversation, search }: { conversation: ConversationBody; search: InboxSearch }) {
  const say = useWords()
  const { id, last_message: last } = conversation
  return (
    <li id={`row-${id}`} className="row">
      <Link to="/inbox" search={{ ...search, conversation: id, why: undefined }} aria-current={search.conversation === id ? 'true' : undefined}>
        <span className="row-top">
          <strong>{titleOf(conversation)}</strong>
          <time dateTime={conversation.last_message_at} title={moment(conversation.last_message_at)}>
            {ago(conversation.last_message_at)}
          </time>
        </span>
        <span className="excerpt">{last ? `${last.author}: ${last.excerpt}` : say('inbox.silent')}</span>
        <span className="row-bottom">
          <ChannelBadge channel={conversation.channel} />
          {conversation.waiting_since && <Badge mood="fair">{say('inbox.waits', { when: ago(conversation.waiting_since) })}</Badge>}
          {conversation.handler === 'human' && <Badge mood="good">{say('inbox.by_human')}</Badge>}
        </span>
      </Link>
    </li>
  )
}
