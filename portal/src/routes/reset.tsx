// /reset#token=… from the mail about a forgotten password. Every device is signed out by it.
import { useMutation } from '@tanstack/react-query'
import { Link, useLocation } from '@tanstack/react-router'
import { useState } from 'react'
import { callOnce } from '../api/client'
import { CardPage } from '../components/card-page'
import { NewPassword } from '../components/new-password'
import { tokenOf } from '../lib/searches'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Problem } from '../ui/states'

export function ResetPage() {
  const say = useWords()
  const token = tokenOf(useLocation({ select: ({ hash, searchStr }) => ({ hash, search: searchStr }) }))
  const [password, setPassword] = useState('')
  const reset = useMutation({
    mutationFn: () => callOnce('POST /api/v1/auth/password/reset', { body: { token, password } }),
  })
  if (reset.isSuccess) {
    return (
      <CardPage title={say('reset.done')} lead={say('reset.done_lead')}>
        <Link className="button primary" to="/signin">
          {say('account.sign_in')}
        </Link>
      </CardPage>
    )
  }
  return (
    <CardPage title={say('reset.title')} lead={say('reset.lead')}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          reset.mutate()
        }}
      >
        <NewPassword value={password} onChange={(event) => setPassword(event.target.value)} />
        <Problem of={reset.error} />
        <Button type="submit" look="primary" busy={reset.isPending}>
          {say('reset.submit')}
        </Button>
      </form>
      <p className="aside">
        <Link to="/forgot">{say('reset.again')}</Link>
      </p>
    </CardPage>
  )
}
