// /signin
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link, useRouter } from '@tanstack/react-router'
import { enter } from '../api/session'
import { CardPage } from '../components/card-page'
import { ProviderButton } from '../components/provider-button'
import { ProviderNote } from '../components/provider-note'
import { SignInForm } from '../components/sign-in-form'
import { useWords } from '../lib/words'

const route = getRouteApi('/signin')

export function SignInPage() {
  const say = useWords()
  const client = useQueryClient()
  const router = useRouter()
  const { next, provider, signed_out } = route.useSearch()
  return (
    <CardPage title={say('signin.title')}>
      {signed_out === 'unsure' && (
        <p className="note bad" role="alert">
          {say('signin.unsure')}
        </p>
      )}
      <ProviderNote ended={provider} />
      <ProviderButton />
      <SignInForm
        onSignedIn={(session) => {
          enter(client, session)
          router.history.push(next ?? '/inbox')
        }}
      />
      <p className="aside">
        <Link to="/forgot">{say('signin.forgot')}</Link>
      </p>
      <p className="aside">
        {say('signin.new')} <Link to="/signup">{say('signin.signup')}</Link>
      </p>
    </CardPage>
  )
}
