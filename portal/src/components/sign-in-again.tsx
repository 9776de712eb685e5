// Over whatever page is open when the session ended: requests wait behind it, and nothing typed is lost.
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { holdSession, whenExpired } from '../api/client'
import { sessionQuery, useSession } from '../api/session'
import { useWords } from '../lib/words'
import { Dialog } from '../ui/dialog'
import { SignInForm } from './sign-in-form'

export function SignInAgain() {
  const say = useWords()
  const client = useQueryClient()
  const session = useSession()
  const [waiting, setWaiting] = useState<(() => void)[]>([])

  useEffect(() => {
    whenExpired(() => new Promise<void>((resolve) => setWaiting((before) => [...before, resolve])))
    return () => whenExpired(null)
  }, [])

  if (waiting.length === 0) return null
  return (
    <Dialog title={say('again.title')}>
      <p>{say('again.text')}</p>
      <SignInForm
        mail={session.user.mail}
        onSignedIn={(again) => {
          client.setQueryData(sessionQuery.queryKey, holdSession(again))
          setWaiting([])
          for (const goOn of waiting) goOn()
        }}
      />
    </Dialog>
  )
}
