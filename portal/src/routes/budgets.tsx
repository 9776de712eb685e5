// /budgets: how much models may cost, how much of it is spent, and what happens at the limit.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { call } from '../api/client'
import { currencyQuery } from '../api/money'
import { agentsQuery, budgetsQuery } from '../api/queries'
import type { BudgetBody } from '../api/schema'
import { useRights } from '../api/session'
import { BudgetAlertBadge } from '../components/budget-alert-badge'
import { BudgetForm, LimitForm } from '../components/budget-form'
import { Notices } from '../components/notices'
import { PageHead } from '../components/page-head'
import { alertOf, amount, dollars, forecastOf } from '../lib/money'
import { isOfMoney } from '../lib/notices'
import { moment } from '../lib/time'
import { useWords, type Word } from '../lib/words'
import { Meter } from '../ui/bars'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Asking, Empty, Problem } from '../ui/states'

export function BudgetsPage() {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const budgets = useQuery(budgetsQuery)
  const [isMaking, setMaking] = useState(false)
  return (
    <main className="content">
      <PageHead title={say('nav.budgets')} text={say('budgets.text')}>
        {mayAdministrate && !isMaking && (
          <Button look="primary" onClick={() => setMaking(true)}>
            {say('budgets.new')}
          </Button>
        )}
      </PageHead>
      <Notices about={isOfMoney} />
      {isMaking && <BudgetForm onClose={() => setMaking(false)} />}
      <Asking query={budgets}>
        {({ items }) =>
          items.length === 0 ? (
            !isMaking && (
              <Empty title={say('budgets.empty')}>
                <p>{say(mayAdministrate ? 'budgets.empty_text' : 'budgets.empty_ask')}</p>
              </Empty>
            )
          ) : (
            <ul className="cards">
              {items.map((budget) => (
                <Budget key={budget.id} budget={budget} />
              ))}
            </ul>
          )
        }
      </Asking>
    </main>
  )
}

const SCOPES: Record<string, Word> = {
  tenant: 'budgets.of_tenant',
  agent: 'budgets.of_agent',
  person: 'budgets.of_person',
  conversation: 'budgets.of_conversation',
}

function Budget({ budget }: { budget: BudgetBody }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const [asked, setAsked] = useState<'limit' | 'delete' | null>(null)
  const { part, mood } = alertOf(budget)
  const own = useQuery(currencyQuery).data?.currency
  const { budget_limit: limit, currency } = budget
  return (
    <li className="panel budget">
      <div className="panel-head">
        <h2>
          {say(SCOPES[budget.scope] ?? 'budgets.of_tenant')} <Target budget={budget} />
        </h2>
        <BudgetAlertBadge budget={budget} />
      </div>
      <p className="spent">
        <strong>{amount(budget.spent, currency)}</strong>{' '}
        {typeof limit === 'number' && say('budgets.of_limit', { limit: amount(limit, currency) })}{' '}
        {say(budget.period === 'day' ? 'budgets.today' : 'budgets.this_month')}
      </p>
      {part !== null && <Meter part={part} mood={mood} />}
      <p className="quiet">
        {say('budgets.since', { when: moment(budget.period_start), zone: budget.time_zone })}
        {budget.reserved_usd > 0 && ` · ${say('budgets.held', { cost: amount(budget.reserved, currency) })}`}
      </p>
      {currency !== 'USD' && <p className="quiet">{say('budgets.in_dollars', { cost: dollars(budget.spent_usd), currency, worth: budget.usd_per_unit })}</p>}
      {own !== undefined && own !== currency && <p className="note fair">{say('budgets.said_before', { before: currency, currency: own })}</p>}
      {part !== null && part >= 1 ? <p className="note bad">{say('budgets.used_up_text')}</p> : <Pace budget={budget} />}
      {mayAdministrate && asked !== 'limit' && (
        <div className="actions">
          <Button onClick={() => setAsked('limit')}>{say('budgets.change')}</Button>
          <Button look="quiet" onClick={() => setAsked('delete')}>
            {say('budgets.delete')}
          </Button>
        </div>
      )}
      {asked === 'limit' && <LimitForm budget={budget} onClose={() => setAsked(null)} />}
      {asked === 'delete' && <Sure budget={budget} onClose={() => setAsked(null)} />}
    </li>
  )
}

/** Where it leads if it goes on like this. */
function Pace({ budget }: { budget: BudgetBody }) {
  const say = useWords()
  const forecast = forecastOf(budget, Date.now())
  if (!forecast) return null
  const when = moment(forecast.at)
  return forecast.isOver ? (
    <p className="note fair">{say('budgets.forecast_over', { when })}</p>
  ) : (
    <p className="quiet">{say('budgets.forecast', { cost: amount(forecast.cost, budget.currency), when })}</p>
  )
}

function Target({ budget: { scope, target } }: { budget: BudgetBody }) {
  const say = useWords()
  const agents = useQuery({ ...agentsQuery, enabled: scope === 'agent' })
  if (!target) return null
  if (scope === 'agent') {
    return (
      <Link to="/agents" search={{ agent: target }}>
        {agents.data?.items.find(({ id }) => id === target)?.name ?? '…'}
      </Link>
    )
  }
  return scope === 'person' ? (
    <Link to="/memory" search={{ person: target }}>
      {say('budgets.see_person')}
    </Link>
  ) : (
    <Link to="/inbox" search={{ conversation: target }}>
      {say('budgets.see_conversation')}
    </Link>
  )
}

/** Without a limit more may be spent from then on: it is asked for twice. */
function Sure({ budget, onClose }: { budget: BudgetBody; onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const remove = useMutation({
    mutationFn: () => call('DELETE /api/v1/budgets/{budget_id}', { path: { budget_id: budget.id } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: budgetsQuery.queryKey })
      onClose()
    },
  })
  return (
    <Dialog title={say('budgets.delete_title')} onClose={onClose}>
      <p>{say('budgets.delete_text')}</p>
      <Problem of={remove.error} />
      <div className="actions">
        <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          {say('budgets.delete')}
        </Button>
        <Button onClick={onClose}>{say('settings.cancel')}</Button>
      </div>
    </Dialog>
  )
}
