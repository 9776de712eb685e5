// Over whatever page is open when the session ended: requests wait behind it, and nothing typed is lost. It hides the page, and
// where nobody signs in for a while, the page goes.
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { holdSession, whenExpired } from '../api/client'
import { leave, sessionQuery, useSession } from '../api/session'
import { useWords } from '../lib/words'
import { Dialog } from '../ui/dialog'
import { SignInForm } from './sign-in-form'

const PAGE_KEPT_MS = 10 * 60_000

export function SignInAgain() {
  const say = useWords()
  const client = useQueryClient()
  const session = useSession()
  const [waiting, setWaiting] = useState<(() => void)[]>([])

  useEffect(() => {
    whenExpired(() => new Promise<void>((resolve) => setWaiting((before) => [...before, resolve])))
    return () => whenExpired(null)
  }, [])

  const isExpired = waiting.length > 0
  useEffect(() => {
    if (!isExpired) return
    const end = setTimeout(() => void leave(), PAGE_KEPT_MS)
    return () => clearTimeout(end)
  }, [isExpired])

  if (!isExpired) return null
  return (
    <Dialog title={say('again.title')} hidesPage>
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
