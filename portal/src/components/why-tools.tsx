// What an answer called besides models: with what, what came of it, and who allowed it. Models and tools write anything: it is
// shown as text, with nothing in it that can hide.
import type { ToolCallBody } from '../api/schema'
import { callOutcome, plain, sentOf } from '../lib/approvals'
import { between, count, lasting } from '../lib/traces'
import { useWords, type Say } from '../lib/words'
import { Badge } from '../ui/badge'

/** As the gateway calls whoever decided in the portal, or by a key. */
const UNNAMED = 'an operator'

export function ToolCalls({ calls }: { calls: ToolCallBody[] }) {
  return (
    <ol className="tool-calls">
      {calls.map((call) => (
        <li key={call.id}>
          <Call call={call} />
        </li>
      ))}
    </ol>
  )
}

function Call({ call }: { call: ToolCallBody }) {
  const say = useWords()
  const [word, mood] = callOutcome(call.state)
  const sent = sentOf(call.arguments)
  return (
    <>
      <code>{plain(call.tool)}</code> <Badge mood={mood}>{say(word)}</Badge>
      <span className="quiet">{aboutOf(call, say).join(' · ')}</span>
      {sent.length > 0 && (
        <dl className="numbers">
          {sent.map(({ name, value }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd className="said">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {call.result && (
        <details>
          <summary>{say('why.tool_result')}</summary>
          <p className="said">{plain(call.result)}</p>
        </details>
      )}
    </>
  )
}

function aboutOf({ class: kind, attempts, started_at: begun, finished_at: ended, approval, decided_name: by }: ToolCallBody, say: Say): string[] {
  const took = between(begun, ended)
  return [
    say(kind === 'write' ? 'tools.write' : 'tools.read'),
    ...(attempts > 1 ? [say('why.tool_tries', { count: count(attempts) })] : []),
    ...(took === undefined ? [] : [say('why.tool_took', { length: lasting(took) })]),
    ...decisionOf(approval, by, say),
  ]
}

/** Who decided in a channel is named; who did so elsewhere is, beside the approval itself. */
function decisionOf(approval: ToolCallBody['approval'], by: ToolCallBody['decided_name'], say: Say): string[] {
  if (approval === 'denied') return by && by !== UNNAMED ? [say('why.tool_denied', { name: by })] : []
  if (approval !== 'approved' && approval !== 'used') return []
  return [by && by !== UNNAMED ? say('why.tool_approved', { name: by }) : say('why.tool_agreed')]
}
