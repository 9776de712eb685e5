// /usage: what was used and what it cost, by day and by whom. What is looked at stands in the address.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { usageQuery } from '../api/reports'
import type { UsageReport } from '../api/schema'
import { PageHead } from '../components/page-head'
import { UsageChart } from '../components/usage-chart'
import { UsageTable } from '../components/usage-table'
import { amount, knownOf, MEASURES, money, short, summed } from '../lib/money'
import type { UsageSearch } from '../lib/searches'
import { count } from '../lib/traces'
import { useWords, type Word } from '../lib/words'
import { Choice } from '../ui/tabs'
import { Asking, Empty } from '../ui/states'

const route = getRouteApi('/app/usage')
const DAYS = [7, 30, 90] as const
const GROUPINGS: [NonNullable<UsageSearch['by']>, Word][] = [
  ['agent', 'usage.by_agent'],
  ['model', 'usage.by_model'],
  ['person', 'usage.by_person'],
]

export function UsagePage() {
  const say = useWords()
  const { days = 30, by = 'agent', show = 'cost' } = route.useSearch()
  const navigate = useNavigate()
  const daily = useQuery(usageQuery('day', days))
  const grouped = useQuery(usageQuery(by, days))
  const go = (change: UsageSearch) => void navigate({ to: '/usage', search: (before) => ({ ...before, ...change }), replace: true })
  return (
    <main className="content">
      <PageHead title={say('nav.usage')} text={say('usage.text')}>
        <Choice label={say('usage.span')} options={DAYS.map((one) => [one, say('usage.days', { count: one })] as const)} value={days} onChange={(chosen) => go({ days: chosen })} />
      </PageHead>
      <Asking query={daily} lines={6}>
        {(report) =>
          report.items.length === 0 ? (
            <Empty title={say('usage.empty')}>
              <p>{say('usage.empty_text')}</p>
              <Link className="button" to="/onboarding" search={{ step: 3 }}>
                {say('usage.empty_do')}
              </Link>
            </Empty>
          ) : (
            <>
              <Tiles report={report} />
              <section className="panel" aria-labelledby="chart-title">
                <div className="panel-head">
                  <h2 id="chart-title">{say('usage.by_day')}</h2>
                  <Choice label={say('usage.measure')} options={MEASURES.map((one) => [one, say(`usage.${one}`)] as const)} value={show} onChange={(measure) => go({ show: measure })} />
                </div>
                <UsageChart report={report} measure={show} />
              </section>
              <section aria-labelledby="groups-title">
                <div className="panel-head">
                  <h2 id="groups-title">{say('usage.who')}</h2>
                  <Choice label={say('usage.grouping')} options={GROUPINGS.map(([one, word]) => [one, say(word)] as const)} value={by} onChange={(grouping) => go({ by: grouping })} />
                </div>
                <Asking query={grouped}>{({ items, currency }) => <UsageTable rows={items} by={by} currency={currency} />}</Asking>
              </section>
            </>
          )
        }
      </Asking>
    </main>
  )
}

function Tiles({ report }: { report: UsageReport }) {
  const say = useWords()
  const all = summed(report.items)
  const known = knownOf(all)
  const tokens = all.input_tokens + all.output_tokens
  return (
    <>
      <dl className="tiles">
        <div>
          <dt>{say('usage.cost')}</dt>
          <dd>{known === 'nothing' ? say('usage.unknown') : say(known === 'partly' ? 'usage.at_least' : 'usage.exactly', { cost: amount(all.cost, report.currency) })}</dd>
          {report.currency !== 'USD' && known !== 'nothing' && <dd className="quiet">{say('usage.in_dollars', { cost: money(all.cost_micro_usd), currency: report.currency, worth: report.usd_per_unit })}</dd>}
          {all.own_cost > 0 && <dd className="quiet">{say('usage.own', { cost: amount(all.own_cost, report.currency) })}</dd>}
        </div>
        <div>
          <dt>{say('usage.calls')}</dt>
          <dd>{count(all.calls)}</dd>
          {all.failed_calls > 0 && <dd className="quiet">{say('usage.failed', { count: count(all.failed_calls) })}</dd>}
        </div>
        <div>
          <dt>{say('usage.tokens')}</dt>
          <dd title={count(tokens)}>{short(tokens)}</dd>
          <dd className="quiet">{say('usage.in_out', { input: short(all.input_tokens), output: short(all.output_tokens) })}</dd>
        </div>
        {all.audio_seconds > 0 && (
          <div>
            <dt>{say('usage.audio')}</dt>
            <dd>{say('usage.minutes', { count: count(Math.ceil(all.audio_seconds / 60)) })}</dd>
          </div>
        )}
      </dl>
      {known !== 'all' && <p className="note fair">{say(known === 'nothing' ? 'usage.all_unpriced' : 'usage.some_unpriced', { count: count(all.unpriced_calls) })}</p>}
    </>
  )
}
