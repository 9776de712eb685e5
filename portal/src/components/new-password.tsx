// A password to choose, with the gateway's limits told before they are met.
import { useWords } from '../lib/words'
import { Field } from '../ui/field'

const PASSWORD_MIN = 12
const PASSWORD_MAX = 200

export function NewPassword(props: { value: string; onChange: (event: { target: { value: string } }) => void }) {
  const say = useWords()
  return (
    <Field
      {...props}
      label={say('account.new_password')}
      hint={say('account.password_hint')}
      type="password"
      autoComplete="new-password"
      minLength={PASSWORD_MIN}
      maxLength={PASSWORD_MAX}
      required
    />
  )
}
