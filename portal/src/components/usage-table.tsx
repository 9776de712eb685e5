// Usage by agent, model or person, the dearest first.
import { Link } from '@tanstack/react-router'
import type { UsageBody } from '../api/schema'
import type { UsageSearch } from '../lib/searches'
import { short } from '../lib/money'
import { count } from '../lib/traces'
import { useWords, type Word } from '../lib/words'
import { costWords } from './usage-chart'

type By = NonNullable<UsageSearch['by']>

const NOBODY: Record<By, Word> = { agent: 'usage.no_agent', model: 'usage.no_model', person: 'usage.no_person' }

export function UsageTable({ rows, by, currency }: { rows: UsageBody[]; by: By; currency: string }) {
  const say = useWords()
  const most = Math.max(...rows.map(({ cost_micro_usd: cost }) => cost), 0)
  return (
    <div className="panel wide-table" tabIndex={0} role="region" aria-label={say(`usage.by_${by}`)}>
      <table>
        <thead>
          <tr>
            <th scope="col">{say(`usage.one_${by}`)}</th>
            <th scope="col">{say('usage.cost')}</th>
            <th scope="col">{say('usage.calls')}</th>
            <th scope="col">{say('usage.failed_short')}</th>
            <th scope="col">{say('usage.tokens')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key ?? ''}>
              <th scope="row">
                <Name row={row} by={by} nobody={say(NOBODY[by])} />
                <svg className="share" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={most > 0 ? (row.cost_micro_usd / most) * 100 : 0} height="2" />
                </svg>
              </th>
              <td>{costWords(row, currency, say)}</td>
              <td>{count(row.calls)}</td>
              <td>{row.failed_calls > 0 ? count(row.failed_calls) : '–'}</td>
              <td title={count(row.input_tokens + row.output_tokens)}>{short(row.input_tokens + row.output_tokens)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Name({ row, by, nobody }: { row: UsageBody; by: By; nobody: string }) {
  const name = row.name || row.key
  if (!row.key || !name) return <em>{nobody}</em>
  if (by === 'agent') {
    return (
      <Link to="/agents" search={{ agent: row.key }}>
        {name}
      </Link>
    )
  }
  if (by === 'person') {
    return (
      <Link to="/memory" search={{ person: row.key }}>
        {name}
      </Link>
    )
  }
  return name
}
