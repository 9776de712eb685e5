// A new budget, and another limit for one there is. No limit is a decision that has to be made, not a field left empty.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { currencyQuery } from '../api/money'
import { agentsQuery, budgetsQuery, conversationsQuery } from '../api/queries'
import { usageQuery } from '../api/reports'
import type { BudgetBody, Period } from '../api/schema'
import { titleOf } from '../lib/conversations'
import { currencyName, ownZone } from '../lib/money'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check, Field, Select } from '../ui/field'
import { Problem } from '../ui/states'

const LIMIT_MAX = 1_000_000
/** People who were answered within these days can be chosen. */
const DAYS = 90

type Scope = 'tenant' | 'agent' | 'person' | 'conversation'
const SCOPES: Scope[] = ['tenant', 'agent', 'person', 'conversation']

export function BudgetForm({ onClose }: { onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const [scope, setScope] = useState<Scope>('tenant')
  const [target, setTarget] = useState('')
  const [period, setPeriod] = useState<Period>('month')
  const [zone, setZone] = useState(ownZone)
  const [limit, setLimit] = useState<Limit>({ isSet: true, units: '' })
  const targets = useTargets(scope)
  const create = useMutation({
    mutationFn: () =>
      call('POST /api/v1/budgets', {
        body: { scope, target: scope === 'tenant' ? null : target, period, time_zone: zone.trim(), budget_limit: limitOf(limit) },
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: budgetsQuery.queryKey })
      onClose()
    },
  })
  return (
    <section className="panel" aria-labelledby="budget-title">
      <h2 id="budget-title">{say('budgets.new')}</h2>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <div className="pair">
          <Select
            label={say('budgets.scope')}
            value={scope}
            onChange={(event) => {
              setScope(event.target.value as Scope)
              setTarget('')
            }}
          >
            {SCOPES.map((one) => (
              <option key={one} value={one}>
                {say(`budgets.scope_${one}`)}
              </option>
            ))}
          </Select>
          {scope !== 'tenant' && (
            <Select label={say(`budgets.which_${scope}`)} hint={targets.length === 0 && say('budgets.no_target')} value={target} onChange={(event) => setTarget(event.target.value)} required>
              <option value="">{say('budgets.choose')}</option>
              {targets.map(([id, name]) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </Select>
          )}
        </div>
        <div className="pair">
          <Select label={say('budgets.period')} value={period} onChange={(event) => setPeriod(event.target.value as Period)}>
            <option value="month">{say('budgets.month')}</option>
            <option value="day">{say('budgets.day')}</option>
          </Select>
          <Field label={say('budgets.zone')} hint={say('budgets.zone_hint')} value={zone} onChange={(event) => setZone(event.target.value)} maxLength={64} spellCheck={false} required />
        </div>
        <LimitFields limit={limit} onChange={setLimit} />
        <Problem of={create.error} />
        <div className="actions">
          <Button type="submit" look="primary" busy={create.isPending}>
            {say('budgets.create')}
          </Button>
          <Button onClick={onClose}>{say('settings.cancel')}</Button>
        </div>
      </form>
    </section>
  )
}

export function LimitForm({ budget, onClose }: { budget: BudgetBody; onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const own = useQuery(currencyQuery).data?.currency
  // What was said in another currency is no number of this one.
  const known = budget.budget_limit
  const isOwn = own === budget.currency
  const [limit, setLimit] = useState<Limit>({ isSet: typeof known === 'number', units: typeof known === 'number' && isOwn ? String(known) : '' })
  const change = useMutation({
    mutationFn: () => call('PATCH /api/v1/budgets/{budget_id}', { path: { budget_id: budget.id }, body: { budget_limit: limitOf(limit) } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: budgetsQuery.queryKey })
      onClose()
    },
  })
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        change.mutate()
      }}
    >
      <LimitFields limit={limit} onChange={setLimit} />
      <Problem of={change.error} />
      <div className="actions">
        <Button type="submit" look="primary" busy={change.isPending}>
          {say('budgets.save')}
        </Button>
        <Button onClick={onClose}>{say('settings.cancel')}</Button>
      </div>
    </form>
  )
}

interface Limit {
  isSet: boolean
  units: string
}

const limitOf = ({ isSet, units }: Limit): number | null => (isSet ? Number(units) : null)

function LimitFields({ limit, onChange }: { limit: Limit; onChange: (limit: Limit) => void }) {
  const say = useWords()
  const own = useQuery(currencyQuery).data?.currency
  return (
    <>
      {limit.isSet && (
        <Field
          label={say('budgets.limit', { currency: currencyName(own ?? 'USD') })}
          hint={say('budgets.limit_hint')}
          type="number"
          inputMode="decimal"
          min={0}
          max={LIMIT_MAX}
          step="any"
          value={limit.units}
          onChange={(event) => onChange({ ...limit, units: event.target.value })}
          required
        />
      )}
      <Check label={say('budgets.count_only')} checked={!limit.isSet} onChange={(event) => onChange({ ...limit, isSet: !event.target.checked })} />
    </>
  )
}

/** What a budget of this scope can be for: id and name. */
function useTargets(scope: Scope): [string, string][] {
  const agents = useQuery({ ...agentsQuery, enabled: scope === 'agent' })
  const people = useQuery({ ...usageQuery('person', DAYS), enabled: scope === 'person' })
  const conversations = useInfiniteQuery({ ...conversationsQuery, enabled: scope === 'conversation' })
  switch (scope) {
    case 'agent':
      return agents.data?.items.map(({ id, name }) => [id, name]) ?? []
    case 'person':
      return people.data?.items.flatMap(({ key, name }): [string, string][] => (key ? [[key, name || key]] : [])) ?? []
    case 'conversation':
      return (
        conversations.data?.pages.flatMap((page) => page.items).map((one): [string, string] => [one.id, `${titleOf(one)}, ${moment(one.last_message_at)}`]) ?? []
      )
    default:
      return []
  }
}
