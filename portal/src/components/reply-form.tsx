// A person's answer. It leaves the field only once the gateway has it.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { messagesQuery } from '../api/queries'
import { useSession } from '../api/session'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check, TextArea } from '../ui/field'
import { Problem } from '../ui/states'

/** As the gateway: longer ones are refused. */
const REPLY_MAX = 8_000
/** With the button that asks for a number: WhatsApp takes no longer ones. */
const ASKING_MAX = 900

export function ReplyForm({ conversationId, channel }: { conversationId: string; channel: string | undefined }) {
  const say = useWords()
  const { user } = useSession()
  const client = useQueryClient()
  const [text, setText] = useState('')
  const [asks, setAsks] = useState(false)
  const reply = useMutation({
    mutationFn: (said: string) =>
      call('POST /api/v1/conversations/{conversation_id}/reply', {
        path: { conversation_id: conversationId },
        // Stars would end the name's bold print in the channel.
        body: { text: said, name: user.name.replaceAll('*', '').trim() || null, ...(asks && { asks_for_number: true }) },
      }),
    onSuccess: (_, said) => {
      setAsks(false)
      setText((now) => (now === said ? '' : now))
      return client.invalidateQueries({ queryKey: messagesQuery(conversationId).queryKey })
    },
  })
  const send = () => text.trim() !== '' && !reply.isPending && reply.mutate(text)
  return (
    <form
      className="reply"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <TextArea
        label={say('reply.label', { name: user.name })}
        hint={say('reply.hint')}
        rows={3}
        maxLength={asks ? ASKING_MAX : REPLY_MAX}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === 'Enter' && (event.ctrlKey || event.metaKey) && send()}
      />
      {channel === 'whatsapp' && (
        <div className="reply-asks">
          <Check label={say('reply.asks')} checked={asks} onChange={(event) => setAsks(event.target.checked)} />
          {asks && <p className="hint">{say('reply.asks_hint')}</p>}
        </div>
      )}
      <Problem of={reply.error} />
      <Button type="submit" look="primary" busy={reply.isPending} disabled={text.trim() === ''}>
        {say('reply.send')}
      </Button>
    </form>
  )
}
