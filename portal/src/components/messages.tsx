// What was said. People and models write anything: it is shown as text, never as markup.
import { Fragment } from 'react'
import type { MessageBody } from '../api/schema'
import { clock, day, moment } from '../lib/time'
import { useWords, type Word } from '../lib/words'
import { Badge, Initials } from '../ui/badge'

const KINDS: Record<string, Word> = { agent: 'inbox.kind_agent', operator: 'inbox.kind_operator' }

export function Messages({ items }: { items: MessageBody[] }) {
  return (
    <ol className="message-list">
      {items.map((message, index) => {
        const today = day(message.sent_at)
        const before = items[index - 1]
        return (
          <Fragment key={message.id}>
            {(before === undefined || day(before.sent_at) !== today) && <li className="day">{today}</li>}
            <Message message={message} />
          </Fragment>
        )
      })}
    </ol>
  )
}

function Message({ message }: { message: MessageBody }) {
  const say = useWords()
  const kind = KINDS[message.author_kind]
  return (
    <li className={`message ${message.author_kind}`}>
      <Initials name={message.author} kind={message.author_kind} />
      <div>
        <p className="message-head">
          <strong>{message.author}</strong>
          {kind && <Badge mood={message.author_kind === 'operator' ? 'good' : 'calm'}>{say(kind)}</Badge>}
          <time dateTime={message.sent_at} title={moment(message.sent_at)}>
            {clock(message.sent_at)}
          </time>
          {message.edited_at && !message.deleted_at && <span className="quiet">{say('inbox.edited')}</span>}
        </p>
        {message.deleted_at ? <p className="quiet">{say('inbox.deleted')}</p> : <p className="said">{message.text}</p>}
      </div>
    </li>
  )
}
