// Changing one's password.
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'
import { NewPassword } from './new-password'

export function PasswordForm() {
  const say = useWords()
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const change = useMutation({
    mutationFn: () => call('POST /api/v1/auth/password', { body: { current, password } }),
    onSuccess: () => {
      setCurrent('')
      setPassword('')
    },
  })
  return (
    <section className="panel" aria-labelledby="password-title">
      <h2 id="password-title">{say('settings.password')}</h2>
      <p className="quiet">{say('settings.password_text')}</p>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          change.mutate()
        }}
      >
        <Field label={say('settings.current_password')} type="password" value={current} onChange={(event) => setCurrent(event.target.value)} autoComplete="current-password" required />
        <NewPassword value={password} onChange={(event) => setPassword(event.target.value)} />
        <Problem of={change.error} />
        <div className="actions">
          <Button type="submit" busy={change.isPending}>
            {say('settings.change_password')}
          </Button>
          <span role="status" className="quiet">
            {change.isSuccess && say('settings.password_changed')}
          </span>
        </div>
      </form>
    </section>
  )
}
