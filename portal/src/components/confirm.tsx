// What can't be taken back is asked for twice: a button, and a dialog that says what follows.
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Problem } from '../ui/states'

interface ConfirmProps {
  /** What the button says, here and in the dialog. */
  label: string
  /** Where several such buttons stand: what this one is about. */
  name?: string
  title: string
  text: string
  act: () => Promise<unknown>
  onDone?: () => void
  isHarmless?: boolean
}

export function Confirm({ label, name, title, text, act, onDone, isHarmless = false }: ConfirmProps) {
  const say = useWords()
  const [isAsked, setAsked] = useState(false)
  const acting = useMutation({
    mutationFn: act,
    onSuccess: () => {
      setAsked(false)
      onDone?.()
    },
  })
  return (
    <>
      <Button
        look={isHarmless ? 'plain' : 'quiet'}
        aria-label={name && `${label}: ${name}`}
        onClick={() => {
          acting.reset()
          setAsked(true)
        }}
      >
        {label}
      </Button>
      {isAsked && (
        <Dialog title={title} onClose={() => setAsked(false)}>
          <p>{text}</p>
          <Problem of={acting.error} />
          <div className="actions">
            <Button look={isHarmless ? 'primary' : 'danger'} busy={acting.isPending} onClick={() => acting.mutate()}>
              {label}
            </Button>
            <Button onClick={() => setAsked(false)}>{say('settings.cancel')}</Button>
          </div>
        </Dialog>
      )}
    </>
  )
}
