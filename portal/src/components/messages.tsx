// What was said. People and models write anything: it is shown as text, never as markup.
import { Fragment, lazy, Suspense } from 'react'
import type { FileBody, MessageBody, NoteBody } from '../api/schema'
import { clock, day, moment } from '../lib/time'
import { sizeOf } from '../lib/sizes'
import { useWords, type Word } from '../lib/words'
import { Badge, Initials } from '../ui/badge'

const DeleteNote = lazy(() => import('./notes').then((module) => ({ default: module.DeleteNote })))

const KINDS: Record<string, Word> = { agent: 'inbox.kind_agent', operator: 'inbox.kind_operator' }

interface MessagesProps {
  items: MessageBody[]
  /** What members told each other meanwhile, and where. */
  notes?: NoteBody[]
  conversationId?: string
  /** The one that somebody was sent to. */
  pointed: string | undefined
  /** Somebody asks why the agent said this. */
  onWhy: (runId: string) => void
  /** Somebody tries something else from here. */
  onFork?: (message: MessageBody) => void
  /** They stand elsewhere on the page, too, where somebody may be sent to one. */
  isCopy?: boolean
}

interface Line {
  id: string
  at: string
  message?: MessageBody
  note?: NoteBody
}

/** Both are in order already; a message comes before a note of the same moment. */
function inOrder(messages: MessageBody[], notes: NoteBody[]): Line[] {
  const lines: Line[] = [...messages.map((message) => ({ id: message.id, at: message.sent_at, message })), ...notes.map((note) => ({ id: note.id, at: note.created_at, note }))]
  return lines.sort((a, b) => Date.parse(a.at) - Date.parse(b.at))
}

export function Messages({ items, notes = [], conversationId = '', pointed, onWhy, onFork, isCopy }: MessagesProps) {
  const lines = inOrder(items, notes)
  return (
    <ol className="message-list">
      {lines.map(({ id, at, message, note }, index) => {
        const today = day(at)
        const before = lines[index - 1]
        return (
          <Fragment key={id}>
            {(before === undefined || day(before.at) !== today) && <li className="day">{today}</li>}
            {message && <Message message={message} isPointed={id === pointed} onWhy={onWhy} onFork={onFork} isCopy={isCopy} />}
            {note && <Note note={note} conversationId={conversationId} />}
          </Fragment>
        )
      })}
    </ol>
  )
}

interface MessageProps extends Pick<MessagesProps, 'onWhy' | 'onFork' | 'isCopy'> {
  message: MessageBody
  isPointed: boolean
}

function Message({ message, isPointed, onWhy, onFork, isCopy }: MessageProps) {
  const say = useWords()
  const { run_id: run, interrupted: broken, trouble } = message
  const kind = KINDS[message.author_kind]
  return (
    <li id={isCopy ? undefined : message.id} className={`message ${message.author_kind} ${isPointed ? 'pointed' : ''}`} aria-current={isPointed ? 'true' : undefined}>
      <Initials name={message.author} kind={message.author_kind} />
      <div>
        <p className="message-head">
          <strong>{message.author}</strong>
          {kind && <Badge mood={message.author_kind === 'operator' ? 'good' : 'calm'}>{say(kind)}</Badge>}
          <time dateTime={message.sent_at} title={moment(message.sent_at)}>
            {clock(message.sent_at)}
          </time>
          {broken && <Badge mood="fair">{say('inbox.interrupted')}</Badge>}
          {trouble && <Badge mood="bad">{say(trouble.state === 'unknown' ? 'inbox.send_unclear' : 'inbox.not_sent')}</Badge>}
          {message.edited_at && !message.deleted_at && <span className="quiet">{say('inbox.edited')}</span>}
          {run && (
            <button type="button" className="link" aria-label={say('why.of_message')} onClick={() => onWhy(run)}>
              {say('why.button')}
            </button>
          )}
          {onFork && !message.deleted_at && (
            <button type="button" className="link fork-here" aria-label={say('forks.here_of', { author: message.author, when: clock(message.sent_at) })} onClick={() => onFork(message)}>
              {say('forks.here')}
            </button>
          )}
        </p>
        {message.deleted_at ? <p className="quiet">{say('inbox.deleted')}</p> : <p className="said">{message.text}</p>}
        {message.files.length > 0 && <Files items={message.files} />}
        {trouble && <p className="quiet">{trouble.reason}</p>}
        {broken && <p className="quiet">{message.text ? say('inbox.broken_off', { reason: broken }) : say('inbox.nothing_shown', { reason: broken })}</p>}
      </div>
    </li>
  )
}

/** Where it was written: neither sent nor shown to an agent. */
function Note({ note, conversationId }: { note: NoteBody; conversationId: string }) {
  const say = useWords()
  const author = note.author ?? say('notes.somebody')
  return (
    <li className="message noted">
      <Initials name={author} kind="operator" />
      <div>
        <p className="message-head">
          <strong>{author}</strong>
          <Badge mood="fair">{say('notes.note')}</Badge>
          <time dateTime={note.created_at} title={moment(note.created_at)}>
            {clock(note.created_at)}
          </time>
          <Suspense>
            <DeleteNote note={note} author={author} conversationId={conversationId} />
          </Suspense>
        </p>
        <p className="said">{note.text}</p>
      </div>
    </li>
  )
}

const FILE_STATES: Record<string, Word> = {
  pending: 'inbox.file_pending',
  refused: 'inbox.file_refused',
  failed: 'inbox.file_failed',
  unknown: 'inbox.file_unknown',
}

/** Names and sizes: what is in them stays where it was read. */
function Files({ items }: { items: FileBody[] }) {
  const say = useWords()
  return (
    <ul className="message-files" aria-label={say('inbox.files')}>
      {items.map((file, index) => {
        const state = FILE_STATES[file.state]
        // Two files of a message may have one name, and none changes places.
        return (
          <li key={index}>
            {file.name}
            {typeof file.size === 'number' && <span className="quiet"> {sizeOf(file.size)}</span>}
            {state && <span className="quiet"> · {say(state)}</span>}
          </li>
        )
      })}
    </ul>
  )
}
