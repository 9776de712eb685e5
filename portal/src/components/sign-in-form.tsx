// Address and password, then the code of the second factor if the account has one.
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiProblem, callOnce } from '../api/client'
import type { Session } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'

interface SignInFormProps {
  /** Set: only this account's person is asked for. */
  mail?: string
  onSignedIn: (session: Session) => void
}

const isCodeRequired = (problem: unknown): boolean =>
  problem instanceof ApiProblem && (problem.code === 'code_required' || problem.code === 'wrong_code')

export function SignInForm({ mail: known, onSignedIn }: SignInFormProps) {
  const say = useWords()
  const [mail, setMail] = useState(known ?? '')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const [needsCode, setNeedsCode] = useState(false)
  const login = useMutation({
    mutationFn: () =>
      callOnce('POST /api/v1/auth/login', { body: { mail, password, ...(needsCode && { code: code.trim() }) } }),
    onSuccess: onSignedIn,
    onError: (problem) => isCodeRequired(problem) && setNeedsCode(true),
  })
  const asksOnly = login.error instanceof ApiProblem && login.error.code === 'code_required'

  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        login.mutate()
      }}
    >
      {needsCode ? (
        <Field
          label={say('account.code')}
          hint={say('account.code_hint')}
          value={code}
          onChange={(event) => setCode(event.target.value)}
          autoComplete="one-time-code"
          autoFocus
          required
        />
      ) : (
        <>
          <Account known={known} mail={mail} onChange={setMail} />
          <Field
            label={say('account.password')}
            type="password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            autoComplete="current-password"
            autoFocus={known !== undefined}
            required
          />
        </>
      )}
      {!asksOnly && <Problem of={login.error} />}
      <Button type="submit" look="primary" busy={login.isPending}>
        {say('account.sign_in')}
      </Button>
      {needsCode && (
        <Button look="quiet" onClick={() => (setNeedsCode(false), login.reset())}>
          {say('account.other_account')}
        </Button>
      )}
    </form>
  )
}

/** Who signs in: to be said, or known. */
function Account({ known, mail, onChange }: { known: string | undefined; mail: string; onChange: (mail: string) => void }) {
  const say = useWords()
  if (known === undefined) {
    return (
      <Field label={say('account.mail')} type="email" value={mail} onChange={(event) => onChange(event.target.value)} autoComplete="username" autoFocus required />
    )
  }
  return (
    <>
      <p className="quiet">{known}</p>
      {/* Password managers look here for whose password it is. */}
      <input type="text" autoComplete="username" value={known} readOnly hidden />
    </>
  )
}
