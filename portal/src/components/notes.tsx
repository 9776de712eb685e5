// What members tell each other in a conversation: neither sent nor shown to an agent.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { notesQuery } from '../api/notes'
import type { NoteBody } from '../api/schema'
import { useRights, useSession } from '../api/session'
import { clock } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { TextArea } from '../ui/field'
import { Problem } from '../ui/states'
import { Confirm } from './confirm'

/** As the gateway: longer ones are refused. */
const NOTE_MAX = 4_000

/** Whoever wrote it may, and an admin. It can't be brought back: it is asked for twice. */
export function DeleteNote({ note, author, conversationId }: { note: NoteBody; author: string; conversationId: string }) {
  const say = useWords()
  const client = useQueryClient()
  const { user } = useSession()
  const { mayChange, mayAdministrate } = useRights()
  if (!mayChange || (!mayAdministrate && note.author_id !== user.id)) return null
  return (
    <Confirm
      label={say('notes.delete')}
      name={say('notes.which', { author, when: clock(note.created_at) })}
      title={say('notes.delete_title')}
      text={say('notes.delete_text')}
      act={() => call('DELETE /api/v1/conversations/{conversation_id}/notes/{note_id}', { path: { conversation_id: conversationId, note_id: note.id } })}
      onDone={() => void client.invalidateQueries({ queryKey: notesQuery(conversationId).queryKey })}
    />
  )
}

/** It leaves the field only once the gateway has it. */
export function NoteForm({ conversationId }: { conversationId: string }) {
  const say = useWords()
  const client = useQueryClient()
  const [text, setText] = useState('')
  const add = useMutation({
    mutationFn: (written: string) => call('POST /api/v1/conversations/{conversation_id}/notes', { path: { conversation_id: conversationId }, body: { text: written } }),
    onSuccess: (_, written) => {
      setText((now) => (now === written ? '' : now))
      return client.invalidateQueries({ queryKey: notesQuery(conversationId).queryKey })
    },
  })
  const save = () => text.trim() !== '' && !add.isPending && add.mutate(text)
  return (
    <form
      className="reply noting"
      onSubmit={(event) => {
        event.preventDefault()
        save()
      }}
    >
      <TextArea
        label={say('notes.label')}
        hint={say('notes.hint')}
        rows={3}
        maxLength={NOTE_MAX}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && save()}
      />
      <Problem of={add.error} />
      <Button type="submit" look="primary" busy={add.isPending} disabled={text.trim() === ''}>
        {say('notes.save')}
      </Button>
    </form>
  )
}
