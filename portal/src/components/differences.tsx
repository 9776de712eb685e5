// What differs between two states of an agent, line by line: gone is struck out, new is underlined, whatever the colours.
import type { Difference } from '../lib/agents'
import { lineDiff } from '../lib/agents'
import { useWords } from '../lib/words'

export function Differences({ of: found }: { of: Difference[] }) {
  const say = useWords()
  if (found.length === 0) return <p className="quiet">{say('versions.same')}</p>
  return (
    <dl className="differences">
      {found.map(({ field, word, before, after }) => (
        <div key={field}>
          <dt>{say(word)}</dt>
          <dd className="diff">
            <DiffLines of={lineDiff(before, after)} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

export function DiffLines({ of: lines }: { of: ReturnType<typeof lineDiff> }) {
  return lines.map(([kind, line], at) => {
    if (kind === 'same') return <span key={at}>{line || ' '}</span>
    if (line === '') return null
    return kind === 'gone' ? <del key={at}>{line}</del> : <ins key={at}>{line}</ins>
  })
}
