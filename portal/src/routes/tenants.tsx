// /tenants: all tenants, their plans, stopping them and acting in them, for who looks after the platform.
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { tenantsQuery } from '../api/queries'
import type { TenantBody } from '../api/schema'
import { ActAs } from '../components/act-as'
import { PageHead } from '../components/page-head'
import { SuspendTenant } from '../components/suspend-tenant'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Problem } from '../ui/states'

const PLANS = ['free', 'starter', 'pro', 'enterprise']

export function TenantsPage() {
  const say = useWords()
  const tenants = useInfiniteQuery(tenantsQuery)
  return (
    <main className="content">
      <PageHead title={say('nav.tenants')} text={say('tenants.text')} />
      <Asking query={tenants}>
        {({ pages }) => (
          <ul className="lines panel">
            {pages
              .flatMap((page) => page.items)
              .map((tenant) => (
                <Tenant key={tenant.id} tenant={tenant} />
              ))}
          </ul>
        )}
      </Asking>
      {tenants.hasNextPage && (
        <Button busy={tenants.isFetchingNextPage} onClick={() => void tenants.fetchNextPage()}>
          {say('tenants.more')}
        </Button>
      )}
    </main>
  )
}

function Tenant({ tenant }: { tenant: TenantBody }) {
  const say = useWords()
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: (plan: string) =>
      call('PATCH /api/v1/tenants/{tenant_id}', { path: { tenant_id: tenant.id }, body: { plan } }),
    onSettled: () => client.invalidateQueries({ queryKey: tenantsQuery.queryKey }),
  })
  return (
    <li>
      <span>
        {tenant.name} {tenant.suspended && <Badge mood="bad">{say('tenants.suspended')}</Badge>}
        {tenant.suspended && <span className="quiet">{tenant.suspended.reason}</span>}
        <span className="quiet">
          {tenant.id} · {moment(tenant.created_at)}
        </span>
      </span>
      <select
        aria-label={say('tenants.plan_of', { name: tenant.name })}
        value={tenant.plan}
        disabled={change.isPending}
        onChange={(event) => change.mutate(event.target.value)}
      >
        {PLANS.map((plan) => (
          <option key={plan}>{plan}</option>
        ))}
      </select>
      <ActAs tenant={tenant} />
      <SuspendTenant tenant={tenant} />
      <Problem of={change.error} />
    </li>
  )
}
