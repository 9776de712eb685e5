// /rules: when a human takes over. The rule that is open stands in the address.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { call } from '../api/client'
import { rulesQuery } from '../api/queries'
import type { RuleBody } from '../api/schema'
import { useRights } from '../api/session'
import { PageHead } from '../components/page-head'
import { RuleForm } from '../components/rule-form'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Asking, Empty, Problem } from '../ui/states'

const route = getRouteApi('/app/rules')
const NEW = 'new'

export function RulesPage() {
  const say = useWords()
  const { rule: chosen } = route.useSearch()
  const navigate = useNavigate()
  const { mayAdministrate } = useRights()
  const rules = useQuery(rulesQuery)
  const open = (rule: string | undefined) => void navigate({ to: '/rules', search: { rule } })
  return (
    <main className="content">
      <PageHead title={say('nav.rules')} text={say('rules.text')}>
        {mayAdministrate && (
          <Link className="button" to="/rules" search={{ rule: NEW }}>
            {say('rules.new')}
          </Link>
        )}
      </PageHead>
      <Asking query={rules}>
        {({ items }) => {
          const shown = items.find(({ id }) => id === chosen) ?? (chosen === NEW ? undefined : items[0])
          const isNew = chosen === NEW && mayAdministrate
          return (
            <div className="studio">
              <ul className="agent-list rule-list" aria-label={say('nav.rules')}>
                {items.map((rule) => (
                  <Line key={rule.id} rule={rule} isShown={rule.id === shown?.id} />
                ))}
                <li className="always">
                  <strong>{say('rules.always')}</strong>
                  <span className="quiet">{say('rules.always_text')}</span>
                </li>
              </ul>
              {shown || isNew ? (
                <RuleForm
                  key={shown?.id ?? NEW}
                  rule={shown}
                  onSaved={(rule) => open(rule.id)}
                  onDeleted={() => open(undefined)}
                />
              ) : (
                <Empty title={say('rules.empty')}>
                  <p>{say(mayAdministrate ? 'rules.empty_text' : 'rules.empty_ask')}</p>
                  {mayAdministrate && (
                    <Link className="button primary" to="/rules" search={{ rule: NEW }}>
                      {say('rules.new')}
                    </Link>
                  )}
                </Empty>
              )}
            </div>
          )
        }}
      </Asking>
    </main>
  )
}

function Line({ rule, isShown }: { rule: RuleBody; isShown: boolean }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const client = useQueryClient()
  const toggle = useMutation({
    mutationFn: (enabled: boolean) =>
      call('PATCH /api/v1/escalation-rules/{rule_id}', { path: { rule_id: rule.id }, body: { enabled, version: rule.version } }),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: rulesQuery.queryKey }),
        client.invalidateQueries({ queryKey: ['rule-versions', rule.id] }),
      ]),
  })
  return (
    <li>
      <Link to="/rules" search={{ rule: rule.id }} aria-current={isShown ? 'true' : undefined}>
        <span className="rule-name">
          <strong>{rule.name}</strong>
          <span className="quiet">{rule.condition}</span>
        </span>
      </Link>
      {mayAdministrate ? (
        <label className="switch">
          <input type="checkbox" role="switch" checked={rule.enabled} disabled={toggle.isPending} onChange={(event) => toggle.mutate(event.target.checked)} />
          <span className="for-readers">{say('rules.enabled_of', { name: rule.name })}</span>
        </label>
      ) : (
        <Badge mood={rule.enabled ? 'good' : 'calm'}>{say(rule.enabled ? 'rules.on' : 'rules.off')}</Badge>
      )}
      <Problem of={toggle.error} />
    </li>
  )
}
