// What happened by day: bars, and the same as a table.
import type { AnalyticsReport } from '../api/schema'
import { everyDayOf, MEASURES, valueOf, writtenAs, type Measure } from '../lib/analytics'
import { dayName, money } from '../lib/money'
import { count } from '../lib/traces'
import { useWords } from '../lib/words'
import { AsTable } from '../ui/as-table'
import { Bars } from '../ui/bars'

export function AnalyticsChart({ report, measure }: { report: AnalyticsReport; measure: Measure }) {
  const say = useWords()
  const exactly = (value: number, what: Measure) => (what === 'cost' ? money(value) : count(value))
  const bars = everyDayOf(report, measure).map(({ day, value }) => ({ key: day, value, label: dayName(day), title: `${dayName(day, 'long')}: ${exactly(value, measure)}` }))
  const what = say(`analytics.${measure}`)
  return (
    <>
      <Bars bars={bars} written={writtenAs(measure)} isWhole={measure !== 'cost'} label={say('analytics.chart', { what, from: dayName(report.from, 'long'), to: dayName(report.to, 'long') })} />
      <AsTable columns={[say('usage.day'), ...MEASURES.map((one) => say(`analytics.${one}`))]}>
        {report.days.map((figures) => (
          <tr key={figures.day}>
            <th scope="row">{dayName(figures.day, 'long')}</th>
            {MEASURES.map((one) => (
              <td key={one}>{exactly(valueOf(figures, one), one)}</td>
            ))}
          </tr>
        ))}
      </AsTable>
    </>
  )
}
