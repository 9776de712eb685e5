// In place of a page that is about one tenant, for somebody who is in none: who looks after the platform chooses one, and stays
// on the page.
import { useInfiniteQuery } from '@tanstack/react-query'
import { tenantsQuery } from '../api/queries'
import { useSession, useSwitchTenant } from '../api/session'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking } from '../ui/states'
import { ActAs } from './act-as'
import { PageHead } from './page-head'

export function NoTenant() {
  const say = useWords()
  const { user } = useSession()
  if (user.is_platform_admin) return <ChooseTenant />
  return (
    <main className="state">
      <h1>{say('no_tenant.title')}</h1>
      <p>{say('no_tenant.text')}</p>
    </main>
  )
}

function ChooseTenant() {
  const say = useWords()
  const { memberships } = useSession()
  const change = useSwitchTenant()
  const tenants = useInfiniteQuery(tenantsQuery)
  return (
    <main className="content">
      <PageHead title={say('choose_tenant.title')} text={say('choose_tenant.text')} />
      {memberships.length > 0 && (
        <section aria-labelledby="own-tenants">
          <h2 id="own-tenants">{say('choose_tenant.own')}</h2>
          <p className="actions">
            {memberships.map(({ tenant_id: id, tenant_name: name }) => (
              <Button key={id} onClick={() => void change(id)}>
                {name}
              </Button>
            ))}
          </p>
        </section>
      )}
      <section aria-labelledby="all-tenants">
        <h2 id="all-tenants">{say('choose_tenant.all')}</h2>
        <Asking query={tenants}>
          {({ pages }) => (
            <ul className="lines panel">
              {pages
                .flatMap((page) => page.items)
                .map((tenant) => (
                  <li key={tenant.id}>
                    <span>
                      {tenant.name} {tenant.suspended && <Badge mood="bad">{say('tenants.suspended')}</Badge>}
                    </span>
                    <ActAs tenant={tenant} staysHere />
                  </li>
                ))}
            </ul>
          )}
        </Asking>
        {tenants.hasNextPage && (
          <Button busy={tenants.isFetchingNextPage} onClick={() => void tenants.fetchNextPage()}>
            {say('tenants.more')}
          </Button>
        )}
      </section>
    </main>
  )
}
