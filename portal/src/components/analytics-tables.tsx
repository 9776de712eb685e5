// What conversations went through, how long things took, and by whom and where.
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { AnalyticsReport, FiguresBody, TimesBody } from '../api/schema'
import { lasting, reached, STEPS } from '../lib/analytics'
import { money, percent } from '../lib/money'
import { count } from '../lib/traces'
import { useWords, type Word } from '../lib/words'
import { Meter } from '../ui/bars'

export function Journey({ figures }: { figures: FiguresBody }) {
  const say = useWords()
  const all = figures.conversations
  if (all === 0) return null
  return (
    <section className="panel" aria-labelledby="journey-title">
      <h2 id="journey-title">{say('analytics.journey')}</h2>
      <p className="quiet">{say('analytics.journey_text', { count: count(all) })}</p>
      <ol className="journey">
        {STEPS.map((step) => (
          <li key={step}>
            <span>{say(`analytics.step_${step}`)}</span>
            <Meter part={reached(figures, step) / all} mood={step === 'arrived' || step === 'answered' ? 'good' : 'fair'} />
            <span className="figure">{count(reached(figures, step))}</span>
            <span className="quiet figure">{percent(reached(figures, step) / all)}</span>
          </li>
        ))}
      </ol>
    </section>
  )
}

export function Times({ figures }: { figures: FiguresBody }) {
  const say = useWords()
  const all: [Word, TimesBody | null | undefined][] = [
    ['analytics.times_first', figures.first_answer],
    ['analytics.times_answer', figures.answer],
    ['analytics.times_human', figures.human],
  ]
  const rows = all.flatMap(([word, times]) => (times ? [{ word, times }] : []))
  if (rows.length === 0) return null
  return (
    <section>
      <div className="panel-head">
        <h2>{say('analytics.times')}</h2>
      </div>
      <div className="panel wide-table" tabIndex={0} role="region" aria-label={say('analytics.times')}>
        <table>
          <thead>
            <tr>
              {(['what', 'count', 'half', 'nine_tenths', 'most'] as const).map((column) => (
                <th key={column} scope="col">
                  {say(`analytics.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ word, times }) => (
              <tr key={word}>
                <th scope="row">{say(word)}</th>
                <td>{count(times.count)}</td>
                <td>{lasting(times.p50_ms, say)}</td>
                <td>{lasting(times.p90_ms, say)}</td>
                <td>{lasting(times.p95_ms, say)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

const CHANNELS: Record<string, string> = { slack: 'Slack', whatsapp: 'WhatsApp' }

export function Groups({ report: { agents, channels } }: { report: AnalyticsReport }) {
  const say = useWords()
  return (
    <section aria-labelledby="groups-title">
      <div className="panel-head">
        <h2 id="groups-title">{say('analytics.who')}</h2>
      </div>
      <div className="panel wide-table" tabIndex={0} role="region" aria-label={say('analytics.by_agent')}>
        <table>
          <Heads first="analytics.agent" />
          <tbody>
            {agents.map((figures) => (
              <Row key={figures.agent ?? ''} figures={figures}>
                {figures.agent ? (
                  <Link to="/agents" search={{ agent: figures.agent }}>
                    {figures.name ?? figures.agent}
                  </Link>
                ) : (
                  <em>{say('analytics.no_agent')}</em>
                )}
              </Row>
            ))}
          </tbody>
        </table>
      </div>
      <div className="panel wide-table" tabIndex={0} role="region" aria-label={say('analytics.by_channel')}>
        <table>
          <Heads first="analytics.channel" />
          <tbody>
            {channels.map((figures) => (
              <Row key={figures.channel} figures={figures}>
                {CHANNELS[figures.channel] ?? <em>{say('analytics.no_channel')}</em>}
              </Row>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

const COLUMNS = ['conversations', 'messages', 'answers', 'taken_over', 'opinions', 'speed', 'cost'] as const

function Heads({ first }: { first: Word }) {
  const say = useWords()
  return (
    <thead>
      <tr>
        <th scope="col">{say(first)}</th>
        {COLUMNS.map((column) => (
          <th key={column} scope="col">
            {say(`analytics.${column}`)}
          </th>
        ))}
      </tr>
    </thead>
  )
}

function Row({ figures, children }: { figures: FiguresBody; children: ReactNode }) {
  const say = useWords()
  const { good, bad } = figures
  return (
    <tr>
      <th scope="row">{children}</th>
      <td>{count(figures.conversations)}</td>
      <td>{count(figures.messages)}</td>
      <td>{count(figures.answers)}</td>
      <td>{count(figures.taken_over)}</td>
      <td>{good + bad > 0 ? say('analytics.opinions_text', { good: count(good), bad: count(bad) }) : '–'}</td>
      <td>{figures.first_answer ? lasting(figures.first_answer.p50_ms, say) : '–'}</td>
      <td>{money(figures.cost_micro_usd)}</td>
    </tr>
  )
}
