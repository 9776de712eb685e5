// One conversation in the list.
import { memo } from 'react'
import type { ConversationBody } from '../api/schema'
import { titleOf } from '../lib/conversations'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge, ChannelBadge } from '../ui/badge'

interface ConversationRowProps {
  conversation: ConversationBody
  /** Where it leads; whoever holds the list follows it, for a link of the router's own costs as much as ten rows. */
  href: string
  isOpen: boolean
  /** Its place among all of them, of which only some are drawn; -1: nobody knows how many there are. */
  position: number
  count: number
}

export const ConversationRow = memo(function ConversationRow({ conversation, href, isOpen, position, count }: ConversationRowProps) {
  const say = useWords()
  const { id, found } = conversation
  // What was looked for says more than what was said last.
  const shown = found ?? conversation.last_message
  const at = found?.sent_at ?? conversation.last_message_at
  return (
    <li id={`row-${id}`} className="row" aria-setsize={count} aria-posinset={position}>
      <a href={href} data-id={id} aria-current={isOpen ? 'true' : undefined}>
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
      </a>
    </li>
  )
})
