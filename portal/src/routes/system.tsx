// /system: how the installation is, for who looks after the platform: processes, what waits, providers, and the time before.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { ApiProblem } from '../api/client'
import { systemHistoryQuery, systemQuery } from '../api/reports'
import type { LoadBody, StatusBody } from '../api/schema'
import { PageHead } from '../components/page-head'
import { SystemChart } from '../components/system-chart'
import { Processes, Providers } from '../components/system-tables'
import { lasting } from '../lib/analytics'
import { SYSTEM_MEASURES, type SystemMeasure } from '../lib/system'
import { count } from '../lib/traces'
import { useWords, type Word } from '../lib/words'
import { Choice } from '../ui/tabs'
import { Asking, Empty } from '../ui/states'

const route = getRouteApi('/app/system')
const SPANS: [number, Word][] = [
  [24, 'system.day'],
  [168, 'system.week'],
  [720, 'system.month'],
]

export function SystemPage() {
  const say = useWords()
  const status = useQuery(systemQuery)
  const isForbidden = status.error instanceof ApiProblem && status.error.status === 403
  return (
    <main className="content">
      <PageHead title={say('nav.system')} text={say('system.text')}>
        <Link className="button" to="/status">
          {say('system.public')}
        </Link>
      </PageHead>
      {isForbidden ? (
        <Empty title={say('system.forbidden')}>
          <p>{say('system.forbidden_text')}</p>
        </Empty>
      ) : (
        <Asking query={status} lines={6}>
          {(told) => (
            <>
              <Missing status={told} />
              <Queues load={told.load} />
              <Providers providers={told.providers} />
              <Processes status={told} />
              <History />
            </>
          )}
        </Asking>
      )}
    </main>
  )
}

const ROLES = ['gateway', 'orchestrator', 'worker']

/** Without one of each nothing goes on. */
function Missing({ status: { processes } }: { status: StatusBody }) {
  const say = useWords()
  const missing = ROLES.filter((role) => !processes.some((process) => process.alive && process.role === role))
  return (
    <>
      {missing.map((role) => (
        <p key={role} className="note bad" role="alert">
          {say('system.missing', { role })}
        </p>
      ))}
    </>
  )
}

function Queues({ load }: { load: LoadBody }) {
  const say = useWords()
  const waits = (waiting: number, seconds: number) => (waiting > 0 ? say('system.waits', { time: lasting(seconds * 1_000, say) }) : say('system.nothing_waits'))
  return (
    <section aria-labelledby="queues-title">
      <div className="panel-head">
        <h2 id="queues-title">{say('system.queues')}</h2>
      </div>
      <dl className="tiles">
        <div>
          <dt>{say('system.lanes')}</dt>
          <dd>{count(load.lanes_waiting)}</dd>
          <dd className="quiet">{waits(load.lanes_waiting, load.oldest_lane_seconds)}</dd>
        </div>
        <div>
          <dt>{say('system.jobs')}</dt>
          <dd>{count(load.jobs_waiting)}</dd>
          <dd className="quiet">{waits(load.jobs_waiting, load.oldest_job_seconds)}</dd>
        </div>
        <div>
          <dt>{say('system.dead')}</dt>
          <dd>{count(load.jobs_dead)}</dd>
          <dd className="quiet">{load.jobs_dead > 0 ? <Link to="/dead-letters">{say('system.dead_look')}</Link> : say('system.none_dead')}</dd>
        </div>
      </dl>
    </section>
  )
}

function History() {
  const say = useWords()
  const { hours = 24, graph = 'lanes' } = route.useSearch()
  const navigate = useNavigate()
  const history = useQuery(systemHistoryQuery(hours))
  const go = (change: { hours?: number; graph?: string }) => void navigate({ to: '/system', search: (before) => ({ ...before, ...change }) as never, replace: true })
  return (
    <section className="panel" aria-labelledby="history-title">
      <div className="panel-head">
        <h2 id="history-title">{say('system.history')}</h2>
        <Choice label={say('system.span')} options={SPANS.map(([one, word]) => [one, say(word)] as const)} value={hours as number} onChange={(chosen) => go({ hours: chosen })} />
      </div>
      <Choice<SystemMeasure> label={say('analytics.measure')} options={SYSTEM_MEASURES.map((one) => [one, say(`system.history_${one}`)] as const)} value={graph} onChange={(measure) => go({ graph: measure })} />
      <Asking query={history}>{(told) => <SystemChart history={told} hours={hours} measure={graph} />}</Asking>
    </section>
  )
}
