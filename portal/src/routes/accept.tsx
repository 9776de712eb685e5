// /accept#token=… from an invitation: with the account's password, or with a new account.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useLocation, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiProblem, callOnce } from '../api/client'
import type { OfferBody } from '../api/schema'
import { enter } from '../api/session'
import { CardPage } from '../components/card-page'
import { ProviderButton } from '../components/provider-button'
import { NewPassword } from '../components/new-password'
import { roleWord } from '../lib/roles'
import { tokenOf } from '../lib/searches'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { explain, Loading, Problem } from '../ui/states'

export function AcceptPage() {
  const say = useWords()
  const token = tokenOf(useLocation({ select: ({ hash, searchStr }) => ({ hash, search: searchStr }) }))
  const offer = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => callOnce('POST /api/v1/auth/invitation', { body: { token } }),
    staleTime: Infinity,
  })
  if (offer.data) {
    return (
      <CardPage
        title={say('accept.title', { tenant: offer.data.tenant_name })}
        lead={say('accept.lead', { mail: offer.data.mail, role: say(roleWord(offer.data.role)) })}
      >
        <ProviderButton invitation={token} />
        <AcceptForm token={token} offer={offer.data} />
      </CardPage>
    )
  }
  if (offer.error) {
    return (
      <CardPage title={say('accept.dead')} lead={explain(offer.error, say)}>
        <Link className="button" to="/signin">
          {say('account.sign_in')}
        </Link>
      </CardPage>
    )
  }
  return (
    <CardPage title={say('accept.looking')}>
      <Loading />
    </CardPage>
  )
}

function AcceptForm({ token, offer }: { token: string; offer: OfferBody }) {
  const say = useWords()
  const client = useQueryClient()
  const navigate = useNavigate()
  const [form, setForm] = useState({ name: '', password: '', code: '' })
  const change = (name: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm((before) => ({ ...before, [name]: event.target.value }))
  const accept = useMutation({
    mutationFn: () =>
      callOnce('POST /api/v1/auth/accept', {
        body: { token, password: form.password, name: offer.has_account ? null : form.name, code: form.code.trim() || null },
      }),
    onSuccess: (session) => {
      enter(client, session)
      void navigate({ to: '/inbox' })
    },
  })
  const needsCode =
    form.code !== '' || (accept.error instanceof ApiProblem && ['code_required', 'wrong_code'].includes(accept.error.code))
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        accept.mutate()
      }}
    >
      {offer.has_account ? (
        <Field label={say('account.password')} hint={say('accept.has_account')} type="password" value={form.password} onChange={change('password')} autoComplete="current-password" required />
      ) : (
        <>
          <Field label={say('account.name')} value={form.name} onChange={change('name')} autoComplete="name" maxLength={80} required />
          <NewPassword value={form.password} onChange={change('password')} />
        </>
      )}
      {needsCode && (
        <Field label={say('account.code')} hint={say('account.code_hint')} value={form.code} onChange={change('code')} autoComplete="one-time-code" autoFocus required />
      )}
      <Problem of={accept.error} />
      <Button type="submit" look="primary" busy={accept.isPending}>
        {say('accept.submit')}
      </Button>
    </form>
  )
}
