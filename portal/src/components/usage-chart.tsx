// Usage by day: bars, and the same as a table.
import type { UsageBody, UsageReport } from '../api/schema'
import { amount, dayName, everyDay, knownOf, money, short, valueOf, type Measure } from '../lib/money'
import { count } from '../lib/traces'
import { useWords, type Say } from '../lib/words'
import { AsTable } from '../ui/as-table'
import { Bars } from '../ui/bars'

export function UsageChart({ report, measure }: { report: UsageReport; measure: Measure }) {
  const say = useWords()
  const days = everyDay(report.items, report.from, report.to)
  const written = measure === 'cost' ? (value: number) => money(value, report.currency) : short
  const bars = days.map((day) => {
    const key = day.key ?? ''
    const told = measure === 'cost' ? costWords(day, report.currency, say) : count(valueOf(day, measure))
    return { key, value: valueOf(day, measure), label: dayName(key), title: `${dayName(key, 'long')}: ${told}`, isPartly: measure === 'cost' && knownOf(day) !== 'all' }
  })
  return (
    <>
      <Bars bars={bars} written={written} isWhole={measure !== 'cost'} label={say('usage.chart', { what: say(`usage.${measure}`), from: dayName(report.from, 'long'), to: dayName(report.to, 'long') })} />
      {bars.some(({ isPartly }) => isPartly) && <p className="quiet legend">{say('usage.partly_legend')}</p>}
      <AsTable columns={[say('usage.day'), say('usage.cost'), say('usage.calls'), say('usage.tokens')]}>
        {report.items.map((day) => (
          <tr key={day.key}>
            <th scope="row">{dayName(day.key ?? '', 'long')}</th>
            <td>{costWords(day, report.currency, say)}</td>
            <td>{count(day.calls)}</td>
            <td>{count(day.input_tokens + day.output_tokens)}</td>
          </tr>
        ))}
      </AsTable>
    </>
  )
}

/** What is not known is said, and never a number. */
export function costWords(row: UsageBody, currency: string, say: Say): string {
  const known = knownOf(row)
  if (known === 'nothing') return say('usage.unknown')
  return known === 'partly' ? say('usage.at_least', { cost: amount(row.cost, currency) }) : amount(row.cost, currency)
}
