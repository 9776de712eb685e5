// /forgot
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { callOnce } from '../api/client'
import { CardPage } from '../components/card-page'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'

export function ForgotPage() {
  const say = useWords()
  const [mail, setMail] = useState('')
  const forgot = useMutation({ mutationFn: () => callOnce('POST /api/v1/auth/password/forgot', { body: { mail } }) })
  if (forgot.isSuccess) {
    return (
      <CardPage title={say('mailed.title')} lead={say('forgot.mailed', { mail })}>
        <p className="aside">{say('mailed.nothing')}</p>
        <Button onClick={() => forgot.reset()}>{say('mailed.again')}</Button>
      </CardPage>
    )
  }
  return (
    <CardPage title={say('forgot.title')} lead={say('forgot.lead')}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          forgot.mutate()
        }}
      >
        <Field label={say('account.mail')} type="email" value={mail} onChange={(event) => setMail(event.target.value)} autoComplete="username" autoFocus required />
        <Problem of={forgot.error} />
        <Button type="submit" look="primary" busy={forgot.isPending}>
          {say('forgot.submit')}
        </Button>
      </form>
      <p className="aside">
        <Link to="/signin">{say('forgot.back')}</Link>
      </p>
    </CardPage>
  )
}
