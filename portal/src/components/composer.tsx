// Below a conversation: answering, or a note that stays in the house. What is half typed in one stays while the other is written.
import { lazy, Suspense, useState } from 'react'
import type { ConversationBody } from '../api/schema'
import { useRights } from '../api/session'
import { useWords } from '../lib/words'
import { Loading } from '../ui/states'
import { Choice } from '../ui/tabs'
import { ReplyForm } from './reply-form'

const NoteForm = lazy(() => import('./notes').then((module) => ({ default: module.NoteForm })))

export function Composer({ id, about }: { id: string; about: ConversationBody | undefined }) {
  const say = useWords()
  const { mayChange } = useRights()
  const [mode, setMode] = useState<'reply' | 'note'>('reply')
  const [isNoting, setNoting] = useState(false)
  if (!mayChange) return <p className="reply-note quiet">{say('inbox.read_only')}</p>
  if (!about) return null
  const choose = (chosen: typeof mode) => {
    setMode(chosen)
    if (chosen === 'note') setNoting(true)
  }
  const modes = [
    ['reply', say('notes.reply')],
    ['note', say('notes.note')],
  ] as const
  return (
    <div className="composer">
      <Choice label={say('notes.composer')} options={modes} value={mode} onChange={choose} />
      <div hidden={mode === 'note'}>
        {about.handler === 'human' ? <ReplyForm conversationId={id} channel={about.channel} /> : <p className="reply-note quiet">{say('inbox.reply_note')}</p>}
      </div>
      <div hidden={mode === 'reply'}>
        <Suspense fallback={<Loading />}>{isNoting && <NoteForm conversationId={id} />}</Suspense>
      </div>
    </div>
  )
}
