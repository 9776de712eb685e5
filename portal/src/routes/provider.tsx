// /signin/provider: back from the sign-in provider, with what it does not know still to be said.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ApiProblem, callOnce } from '../api/client'
import { enter } from '../api/session'
import { CardPage } from '../components/card-page'
import { useWords, type Word } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { explain, Loading, Problem } from '../ui/states'

type Need = 'password' | 'code' | 'tenant_name'

const NEEDS: Record<string, Need> = {
  password_required: 'password',
  wrong_password: 'password',
  code_required: 'code',
  wrong_code: 'code',
  account_required: 'tenant_name',
}
const LEADS: Record<Need, Word> = {
  password: 'provider.password_lead',
  code: 'account.code_hint',
  tenant_name: 'provider.tenant_lead',
}
/** What names a need is no complaint. */
const ASKED_FIRST = ['password_required', 'code_required', 'account_required']

const codeOf = (problem: unknown): string => (problem instanceof ApiProblem ? problem.code : '')

export function ProviderPage() {
  const say = useWords()
  const client = useQueryClient()
  const navigate = useNavigate()
  const [given, setGiven] = useState<Partial<Record<Need, string>>>({})
  // Asked once, also where React draws twice.
  const first = useQuery({
    queryKey: ['provider-visit'],
    queryFn: () => callOnce('POST /api/v1/auth/provider/finish', { body: {} }),
    retry: false,
    staleTime: Infinity,
    gcTime: 0,
  })
  const finish = useMutation({
    mutationFn: () => callOnce('POST /api/v1/auth/provider/finish', { body: { ...given, code: given.code?.trim() } }),
  })
  const session = finish.data ?? first.data
  useEffect(() => {
    if (session === undefined) return
    enter(client, session)
    void navigate({ to: '/inbox' })
  }, [session, client, navigate])

  const problem = finish.error ?? first.error
  const need = NEEDS[codeOf(problem)]
  if (session !== undefined || problem === null) {
    return (
      <CardPage title={say('provider.coming')}>
        <Loading />
      </CardPage>
    )
  }
  if (need === undefined) {
    return (
      <CardPage title={say('provider.no')} lead={codeOf(problem) === 'visit_over' ? say('provider.late') : explain(problem, say)}>
        <Link className="button" to="/signin">
          {say('forgot.back')}
        </Link>
      </CardPage>
    )
  }
  return (
    <CardPage title={say('provider.almost')} lead={say(LEADS[need])}>
      <form
        key={need}
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          finish.mutate()
        }}
      >
        <NeedField need={need} value={given[need] ?? ''} onChange={(value) => setGiven((before) => ({ ...before, [need]: value }))} />
        {!ASKED_FIRST.includes(codeOf(problem)) && <Problem of={problem} />}
        <Button type="submit" look="primary" busy={finish.isPending}>
          {say('provider.go_on')}
        </Button>
      </form>
      {need === 'password' && (
        <p className="aside">
          <Link to="/forgot">{say('signin.forgot')}</Link>
        </p>
      )}
    </CardPage>
  )
}

function NeedField({ need, value, onChange }: { need: Need; value: string; onChange: (value: string) => void }) {
  const say = useWords()
  const common = { value, onChange: (event: { target: { value: string } }) => onChange(event.target.value), autoFocus: true, required: true }
  switch (need) {
    case 'password':
      return <Field label={say('account.password')} type="password" autoComplete="current-password" {...common} />
    case 'code':
      return <Field label={say('account.code')} autoComplete="one-time-code" {...common} />
    case 'tenant_name':
      return <Field label={say('signup.tenant')} autoComplete="organization" maxLength={200} {...common} />
  }
}
