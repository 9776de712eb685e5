// /signup
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { callOnce } from '../api/client'
import { CardPage } from '../components/card-page'
import { NewPassword } from '../components/new-password'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'

export function SignUpPage() {
  const say = useWords()
  const [form, setForm] = useState({ name: '', tenant_name: '', mail: '', password: '' })
  const change = (name: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm((before) => ({ ...before, [name]: event.target.value }))
  const signUp = useMutation({
    mutationFn: () =>
      callOnce('POST /api/v1/auth/signup', { body: { ...form, tenant_name: form.tenant_name.trim() || null } }),
  })

  if (signUp.isSuccess) {
    return (
      <CardPage title={say('mailed.title')} lead={say('signup.mailed', { mail: form.mail })}>
        <p className="aside">{say('mailed.nothing')}</p>
        <Button onClick={() => signUp.reset()}>{say('mailed.again')}</Button>
      </CardPage>
    )
  }
  return (
    <CardPage title={say('signup.title')} lead={say('signup.lead')}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          signUp.mutate()
        }}
      >
        <Field label={say('account.name')} value={form.name} onChange={change('name')} autoComplete="name" maxLength={80} autoFocus required />
        <Field label={say('signup.tenant')} hint={say('signup.tenant_hint')} value={form.tenant_name} onChange={change('tenant_name')} autoComplete="organization" maxLength={200} />
        <Field label={say('signup.mail')} type="email" value={form.mail} onChange={change('mail')} autoComplete="username" required />
        <NewPassword value={form.password} onChange={change('password')} />
        <Problem of={signUp.error} />
        <Button type="submit" look="primary" busy={signUp.isPending}>
          {say('signup.submit')}
        </Button>
      </form>
      <p className="aside">
        {say('signup.known')} <Link to="/signin">{say('account.sign_in')}</Link>
      </p>
    </CardPage>
  )
}
