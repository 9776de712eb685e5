// /billing: the plan, the subscription, and the way to Stripe's pages. Stripe leads back here with `?checkout=done`.
import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect } from 'react'
import { call } from '../api/client'
import { billingQuery } from '../api/queries'
import type { BillingBody, PlanBody } from '../api/schema'
import { useRights } from '../api/session'
import { BillingStatus } from '../components/billing-status'
import { Notices } from '../components/notices'
import { PageHead } from '../components/page-head'
import { isLiving, planName } from '../lib/billing'
import { isOfBilling } from '../lib/notices'
import { count } from '../lib/traces'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Problem } from '../ui/states'

const route = getRouteApi('/app/billing')
/** Stripe's word comes by its webhook, a moment after its page. */
const AWAITED_MS = 1_500

export function BillingPage() {
  const say = useWords()
  const { checkout } = route.useSearch()
  const { mayAdministrate } = useRights()
  const billing = useQuery({
    ...billingQuery,
    refetchInterval: ({ state }) => (checkout === 'done' && !isLiving(state.data) ? AWAITED_MS : false),
  })
  const look = useMutation({ mutationFn: () => call('POST /api/v1/billing/refresh') })
  const { mutate: lookAtStripe } = look
  useEffect(() => {
    if (checkout === 'done' && mayAdministrate) lookAtStripe()
  }, [checkout, mayAdministrate, lookAtStripe])
  const isAwaited = checkout === 'done' && billing.data !== undefined && !isLiving(billing.data)
  return (
    <main className="content">
      <PageHead title={say('nav.billing')} text={say('billing.text')} />
      <Notices about={isOfBilling} />
      <div role="status">
        {isAwaited && <p className="note waiting-line">{say('billing.awaited')}</p>}
        {checkout === 'done' && isLiving(billing.data) && <p className="note good">{say('billing.thanks')}</p>}
      </div>
      <Asking query={billing}>{(about) => <About about={about} />}</Asking>
    </main>
  )
}

function About({ about }: { about: BillingBody }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const manage = useMutation({ mutationFn: () => call('POST /api/v1/billing/portal'), onSuccess: leaveFor })
  return (
    <>
      <section className="panel" aria-labelledby="plan-title">
        <div className="panel-head">
          <h2 id="plan-title">{say('billing.plan', { name: planName(about.plan) })}</h2>
          <BillingStatus billing={about} />
        </div>
        {about.subscription && mayAdministrate && about.sells && (
          <Button busy={manage.isPending || manage.isSuccess} onClick={() => manage.mutate()}>
            {say('billing.manage')}
          </Button>
        )}
        <Problem of={manage.error} />
        {!about.sells && <p className="quiet">{say('billing.not_sold')}</p>}
        {about.sells && !mayAdministrate && <p className="quiet">{say('billing.ask')}</p>}
      </section>
      <section aria-labelledby="plans-title">
        <h2 id="plans-title">{say('billing.plans')}</h2>
        <ul className="plans">
          {about.plans.map((plan) => (
            <Plan key={plan.name} plan={plan} isOurs={plan.name === about.plan} maySubscribe={mayAdministrate && plan.sold && !isLiving(about)} />
          ))}
        </ul>
      </section>
    </>
  )
}

function Plan({ plan, isOurs, maySubscribe }: { plan: PlanBody; isOurs: boolean; maySubscribe: boolean }) {
  const say = useWords()
  const subscribe = useMutation({
    mutationFn: () => call('POST /api/v1/billing/checkout', { body: { plan: plan.name } }),
    onSuccess: leaveFor,
  })
  const limit = (most: number | null | undefined) => (typeof most === 'number' ? count(most) : say('billing.unlimited'))
  return (
    <li className="panel">
      <div className="panel-head">
        <h3>{planName(plan.name)}</h3>
        {isOurs && <Badge mood="good">{say('billing.yours')}</Badge>}
      </div>
      <dl className="numbers">
        <div>
          <dt>{say('billing.agents')}</dt>
          <dd>{limit(plan.agents)}</dd>
        </div>
        <div>
          <dt>{say('billing.seats')}</dt>
          <dd>{limit(plan.seats)}</dd>
        </div>
        <div>
          <dt>{say('billing.channels')}</dt>
          <dd>{limit(plan.channels)}</dd>
        </div>
      </dl>
      <Problem of={subscribe.error} />
      {maySubscribe && (
        <Button look="primary" busy={subscribe.isPending || subscribe.isSuccess} onClick={() => subscribe.mutate()} aria-label={say('billing.subscribe_to', { name: planName(plan.name) })}>
          {say('billing.subscribe')}
        </Button>
      )}
    </li>
  )
}

/** Stripe's pages are no part of ours: the whole window goes there, and comes back. */
function leaveFor({ url }: { url: string }): void {
  window.location.href = url
}
