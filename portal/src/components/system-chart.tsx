// What waited or failed, stretch by stretch: bars, and the same as a table.
import type { History } from '../api/schema'
import { dayName, short } from '../lib/money'
import { stretches, type SystemMeasure } from '../lib/system'
import { clock, moment } from '../lib/time'
import { count } from '../lib/traces'
import { useWords } from '../lib/words'
import { AsTable } from '../ui/as-table'
import { Bars } from '../ui/bars'

const DAY_HOURS = 24

export function SystemChart({ history, hours, measure }: { history: History; hours: number; measure: SystemMeasure }) {
  const say = useWords()
  if (history.items.length === 0) return <p className="quiet">{say('system.history_empty')}</p>
  const all = stretches(history, hours, measure)
  const what = say(`system.history_${measure}`)
  const label = (at: string) => (hours <= DAY_HOURS ? clock(at) : dayName(at))
  const bars = all.map(({ at, value }) => ({ key: at, value, label: label(at), title: `${moment(at)}: ${count(value)}` }))
  return (
    <>
      <Bars bars={bars} written={short} isWhole label={say('system.history_chart', { what, from: moment(all[0]?.at ?? ''), to: moment(all.at(-1)?.at ?? '') })} />
      <AsTable columns={[say('system.at'), say('system.processes'), say('system.history_lanes'), say('system.history_jobs'), say('system.history_dead')]}>
        {history.items.toReversed().map(({ at, gateways, orchestrators, workers, load }) => (
          <tr key={at}>
            <th scope="row">{moment(at)}</th>
            <td title={say('system.fewest', { gateways, orchestrators, workers })}>{gateways + orchestrators + workers}</td>
            <td>{count(load.lanes_waiting)}</td>
            <td>{count(load.jobs_waiting)}</td>
            <td>{count(load.jobs_dead)}</td>
          </tr>
        ))}
      </AsTable>
    </>
  )
}
