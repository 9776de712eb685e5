// What was said. People and models write anything: it is shown as text, never as markup.
import { Fragment } from 'react'
import type { MessageBody } from '../api/schema'
import { clock, day, moment } from '../lib/time'
import { useWords, type Word } from '../lib/words'
import { Badge, Initials } from '../ui/badge'

const KINDS: Record<string, Word> = { agent: 'inbox.kind_agent', operator: 'inbox.kind_operator' }

interface MessagesProps {
  items: MessageBody[]
  /** The one that somebody was sent to. */
  pointed: string | undefined
  /** Somebody asks why the agent said this. */
  onWhy: (runId: string) => void
}

export function Messages({ items, pointed, onWhy }: MessagesProps) {
  return (
    <ol className="message-list">
      {items.map((message, index) => {
        const today = day(message.sent_at)
        const before = items[index - 1]
        return (
          <Fragment key={message.id}>
            {(before === undefined || day(before.sent_at) !== today) && <li className="day">{today}</li>}
            <Message message={message} isPointed={message.id === pointed} onWhy={onWhy} />
          </Fragment>
        )
      })}
    </ol>
  )
}

function Message({ message, isPointed, onWhy }: { message: MessageBody; isPointed: boolean; onWhy: (runId: string) => void }) {
  const say = useWords()
  const { run_id: run, interrupted: broken } = message
  const kind = KINDS[message.author_kind]
  return (
    <li id={message.id} className={`message ${message.author_kind} ${isPointed ? 'pointed' : ''}`} aria-current={isPointed ? 'true' : undefined}>
      <Initials name={message.author} kind={message.author_kind} />
      <div>
        <p className="message-head">
          <strong>{message.author}</strong>
          {kind && <Badge mood={message.author_kind === 'operator' ? 'good' : 'calm'}>{say(kind)}</Badge>}
          <time dateTime={message.sent_at} title={moment(message.sent_at)}>
            {clock(message.sent_at)}
          </time>
          {broken && <Badge mood="fair">{say('inbox.interrupted')}</Badge>}
          {message.edited_at && !message.deleted_at && <span className="quiet">{say('inbox.edited')}</span>}
          {run && (
            <button type="button" className="link" aria-label={say('why.of_message')} onClick={() => onWhy(run)}>
              {say('why.button')}
            </button>
          )}
        </p>
        {message.deleted_at ? <p className="quiet">{say('inbox.deleted')}</p> : <p className="said">{message.text}</p>}
        {broken && <p className="quiet">{message.text ? say('inbox.broken_off', { reason: broken }) : say('inbox.nothing_shown', { reason: broken })}</p>}
      </div>
    </li>
  )
}
