// Putting a fact right: the old one is closed and stays as history, and what is written here stands in its place.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import type { MemoryBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Field, TextArea } from '../ui/field'
import { Problem } from '../ui/states'

/** As the gateway. */
const TEXT_MAX = 400

interface CorrectFactProps {
  memory: MemoryBody
  onCorrected: () => void
  onClose: () => void
}

export function CorrectFact({ memory, onCorrected, onClose }: CorrectFactProps) {
  const say = useWords()
  const client = useQueryClient()
  const [text, setText] = useState(memory.text)
  const [value, setValue] = useState(memory.fact?.value ?? '')
  const correct = useMutation({
    mutationFn: () => call('PATCH /api/v1/memories/{memory_id}', { path: { memory_id: memory.id }, body: { text: oneLine(text), value: oneLine(value) || null } }),
    onSuccess: async () => {
      await Promise.all([client.invalidateQueries({ queryKey: ['memories'] }), client.invalidateQueries({ queryKey: ['memory'] })])
      onCorrected()
      onClose()
    },
  })
  const isUnchanged = oneLine(text) === memory.text && oneLine(value) === memory.fact?.value
  return (
    <Dialog title={say('facts.correct_title')} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          correct.mutate()
        }}
      >
        <TextArea label={say('facts.sentence')} hint={say('facts.sentence_hint')} rows={3} value={text} maxLength={TEXT_MAX} onChange={(event) => setText(event.target.value)} required autoFocus />
        <Field label={say('facts.value_of', { subject: memory.fact?.subject ?? '', attribute: memory.fact?.attribute ?? '' })} value={value} maxLength={TEXT_MAX} onChange={(event) => setValue(event.target.value)} required />
        <p className="quiet">{say('facts.correct_text')}</p>
        <Problem of={correct.error} />
        <div className="actions">
          <Button type="submit" look="primary" busy={correct.isPending} disabled={isUnchanged}>
            {say('facts.correct')}
          </Button>
          <Button onClick={onClose}>{say('settings.cancel')}</Button>
        </div>
      </form>
    </Dialog>
  )
}

/** The gateway takes one line. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()
