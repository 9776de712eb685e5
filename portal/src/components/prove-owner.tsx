// Who changes how an account is entered, or signs other devices out, shows once more that it is theirs.
import { useState, type ReactNode } from 'react'
import { useSession } from '../api/session'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'

export interface Proof {
  password: string
  code: string | null
}

interface ProveOwnerProps {
  title: string
  busy: boolean
  problem: unknown
  children: ReactNode
  onClose: () => void
  onProve: (proof: Proof) => void
}

export function ProveOwner({ title, busy, problem, children, onClose, onProve }: ProveOwnerProps) {
  const say = useWords()
  const { user } = useSession()
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          onProve({ password, code: user.has_second_factor ? code.trim() : null })
        }}
      >
        <Field label={say('settings.current_password')} hint={say('settings.identity_no_password')} type="password" value={password} onChange={(event) => setPassword(event.target.value)} autoComplete="current-password" autoFocus required />
        {user.has_second_factor && (
          <Field label={say('account.code')} hint={say('account.code_hint')} value={code} onChange={(event) => setCode(event.target.value)} autoComplete="one-time-code" required />
        )}
        <Problem of={problem} />
        <Button type="submit" look="primary" busy={busy}>
          {say('provider.go_on')}
        </Button>
      </form>
    </Dialog>
  )
}
