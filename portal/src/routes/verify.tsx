// /verify#token=… from the sign-up mail: the link and the password together open the account.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link, useLocation, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { callOnce } from '../api/client'
import { enter } from '../api/session'
import { CardPage } from '../components/card-page'
import { tokenOf } from '../lib/searches'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'

export function VerifyPage() {
  const say = useWords()
  const client = useQueryClient()
  const navigate = useNavigate()
  const token = tokenOf(useLocation({ select: ({ hash, searchStr }) => ({ hash, search: searchStr }) }))
  const [password, setPassword] = useState('')
  const verify = useMutation({
    mutationFn: () => callOnce('POST /api/v1/auth/verify', { body: { token, password } }),
    onSuccess: (session) => {
      enter(client, session)
      void navigate({ to: '/onboarding', search: { step: 1 } })
    },
  })
  return (
    <CardPage title={say('verify.title')} lead={say('verify.lead')}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          verify.mutate()
        }}
      >
        <Field
          label={say('account.password')}
          type="password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          autoComplete="current-password"
          autoFocus
          required
        />
        <Problem of={verify.error} />
        <Button type="submit" look="primary" busy={verify.isPending}>
          {say('verify.submit')}
        </Button>
      </form>
      <p className="aside">
        <Link to="/signup">{say('verify.again')}</Link>
      </p>
    </CardPage>
  )
}
