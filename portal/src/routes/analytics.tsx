// /analytics: what became of conversations, how fast people were answered, what they think of it. What is looked at stands in
// the address.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { agentsQuery } from '../api/queries'
import { analyticsQuery } from '../api/reports'
import type { AnalyticsReport } from '../api/schema'
import { AnalyticsChart } from '../components/analytics-chart'
import { Groups, Journey, Times } from '../components/analytics-tables'
import { PageHead } from '../components/page-head'
import { lasting, MEASURES, TABLES, tableAddress } from '../lib/analytics'
import { money, percent } from '../lib/money'
import type { AnalyticsSearch } from '../lib/searches'
import { moment } from '../lib/time'
import { count } from '../lib/traces'
import { useWords } from '../lib/words'
import { Choice } from '../ui/tabs'
import { Asking, Empty } from '../ui/states'

const route = getRouteApi('/app/analytics')
const DAYS = [7, 30, 90] as const

export function AnalyticsPage() {
  const say = useWords()
  const search = route.useSearch()
  const { days = 30, figure = 'conversations' } = search
  const navigate = useNavigate()
  const report = useQuery(analyticsQuery(days, search))
  const go = (change: { days?: number; agent?: string; channel?: string; figure?: string }) =>
    void navigate({ to: '/analytics', search: (before) => ({ ...before, ...change }) as AnalyticsSearch, replace: true })
  return (
    <main className="content">
      <PageHead title={say('nav.analytics')} text={say('analytics.text')}>
        <Choice label={say('usage.span')} options={DAYS.map((one) => [one, say('usage.days', { count: one })] as const)} value={days} onChange={(chosen) => go({ days: chosen })} />
      </PageHead>
      <Filters search={search} onChange={go} />
      <Asking query={report} lines={6}>
        {(told) =>
          told.days.length === 0 ? (
            <Empty title={say(told.as_of ? 'analytics.empty' : 'analytics.uncounted')}>
              <p>{say('analytics.empty_text')}</p>
              <Link className="button" to="/onboarding" search={{ step: 3 }}>
                {say('usage.empty_do')}
              </Link>
            </Empty>
          ) : (
            <>
              <Counted report={told} search={search} />
              <Tiles report={told} />
              <section className="panel" aria-labelledby="chart-title">
                <div className="panel-head">
                  <h2 id="chart-title">{say('analytics.by_day')}</h2>
                  <Choice label={say('analytics.measure')} options={MEASURES.map((one) => [one, say(`analytics.${one}`)] as const)} value={figure} onChange={(measure) => go({ figure: measure })} />
                </div>
                <AnalyticsChart report={told} measure={figure} />
              </section>
              <Journey figures={told.total} />
              <Times figures={told.total} />
              <Groups report={told} />
            </>
          )
        }
      </Asking>
    </main>
  )
}

interface FiltersProps {
  search: AnalyticsSearch
  onChange: (change: { agent?: string; channel?: string }) => void
}

function Filters({ search, onChange }: FiltersProps) {
  const say = useWords()
  const agents = useQuery(agentsQuery)
  return (
    <div className="filters analytics-filters" role="search">
      <select aria-label={say('analytics.agent')} value={search.agent ?? ''} onChange={(event) => onChange({ agent: event.target.value || undefined })}>
        <option value="">{say('analytics.all_agents')}</option>
        {agents.data?.items.map((agent) => (
          <option key={agent.id} value={agent.id}>
            {agent.name}
          </option>
        ))}
      </select>
      <select aria-label={say('analytics.channel')} value={search.channel ?? ''} onChange={(event) => onChange({ channel: event.target.value || undefined })}>
        <option value="">{say('analytics.all_channels')}</option>
        <option value="slack">Slack</option>
        <option value="whatsapp">WhatsApp</option>
      </select>
    </div>
  )
}

function Counted({ report, search }: { report: AnalyticsReport; search: AnalyticsSearch }) {
  const say = useWords()
  return (
    <div className="panel-head">
      <p className="quiet">
        {report.as_of && say('analytics.as_of', { time: moment(report.as_of), zone: report.time_zone })} {report.days_waiting > 0 && say('analytics.waiting')}
      </p>
      <div className="actions">
        {TABLES.map((table) => (
          <a key={table} className="button" href={tableAddress(table, report, search.agent, search.channel)} download>
            {say(`analytics.download_${table}`)}
          </a>
        ))}
      </div>
    </div>
  )
}

function Tiles({ report: { total } }: { report: AnalyticsReport }) {
  const say = useWords()
  const opinions = total.good + total.bad
  return (
    <dl className="tiles wide">
      <div>
        <dt>{say('analytics.conversations')}</dt>
        <dd>{count(total.conversations)}</dd>
        {typeof total.answer_rate === 'number' && <dd className="quiet">{say('analytics.answered_part', { part: percent(total.answer_rate) })}</dd>}
      </div>
      <div>
        <dt>{say('analytics.taken_over')}</dt>
        <dd>{count(total.taken_over)}</dd>
        {typeof total.takeover_rate === 'number' && <dd className="quiet">{say('analytics.taken_part', { part: percent(total.takeover_rate) })}</dd>}
      </div>
      {total.first_answer && (
        <div>
          <dt>{say('analytics.speed')}</dt>
          <dd>{lasting(total.first_answer.p50_ms, say)}</dd>
          <dd className="quiet">{say('analytics.speed_text', { time: lasting(total.first_answer.p95_ms, say) })}</dd>
        </div>
      )}
      <div>
        <dt>{say('analytics.answers')}</dt>
        <dd>{count(total.answers)}</dd>
        {total.failures > 0 && <dd className="quiet">{say('analytics.failed', { count: count(total.failures) })}</dd>}
      </div>
      <div>
        <dt>{say('analytics.opinions')}</dt>
        <dd>{opinions > 0 ? percent(total.good / opinions) : '–'}</dd>
        <dd className="quiet">{opinions > 0 ? say('analytics.opinions_text', { good: count(total.good), bad: count(total.bad) }) : say('analytics.no_opinions')}</dd>
      </div>
      <div>
        <dt>{say('analytics.cost')}</dt>
        <dd>{total.unpriced_calls > 0 ? say('usage.at_least', { cost: money(total.cost_micro_usd) }) : money(total.cost_micro_usd)}</dd>
        {total.channel_sends > 0 && (
          <dd className="quiet">
            {say(total.unpriced_sends > 0 ? 'analytics.channel_cost_at_least' : 'analytics.channel_cost', { cost: money(total.channel_cost_micro_usd) })}
          </dd>
        )}
      </div>
    </dl>
  )
}
