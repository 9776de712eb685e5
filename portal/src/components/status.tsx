// The live state of the installation. Every state says what to do, and never more than the gateway told us.
import type { Check, Outcome } from '../api/readiness'
import type { Live } from '../lib/use-readiness'
import { clock } from '../lib/time'
import { useWords, type Say, type Word } from '../lib/words'
import { Command } from '../ui/command'

type Mood = 'waiting' | 'good' | 'fair' | 'bad'

interface Verdict {
  mood: Mood
  title: string
  text: string
  /** What to run next. */
  commands: string[]
}

export function Status({ live }: { live: Live }) {
  const say = useWords()
  const verdict = judge(live.outcome, say)
  const checks = live.outcome?.kind === 'answered' ? live.outcome.readiness.checks : []
  return (
    <section className={`panel status ${verdict.mood}`} aria-labelledby="status-title" aria-busy={live.outcome === null}>
      <div className="status-line">
        <span className="dot" aria-hidden="true" />
        <div aria-live="polite">
          <h2 id="status-title">{verdict.title}</h2>
          <p>{verdict.text}</p>
        </div>
      </div>
      {checks.length > 0 && (
        <ul className="checks">
          {checks.map((check) => (
            <CheckRow key={check.name} check={check} />
          ))}
        </ul>
      )}
      {verdict.commands.map((command) => (
        <Command key={command} text={command} />
      ))}
      <p className="quiet checked">
        {live.checkedAt === null ? say('status.first') : say('status.checked', { time: clock(live.checkedAt.toISOString(), true) })}{' '}
        {say('status.refreshes')}{' '}
        <button type="button" className="link" onClick={live.checkNow}>
          {say('status.check_now')}
        </button>
      </p>
    </section>
  )
}

function CheckRow({ check }: { check: Check }) {
  const say = useWords()
  const mood: Mood = check.ready ? 'good' : check.required ? 'bad' : 'fair'
  const word: Word = check.ready ? 'status.part_ready' : check.required ? 'status.part_not_ready' : 'status.part_optional'
  const remedy = REMEDIES[check.name]
  return (
    <li className={mood}>
      <span className="dot" aria-hidden="true" />
      <span className="check-name">{NAMES[check.name] ?? check.name}</span>
      <span className="check-word">{say(word)}</span>
      {!check.ready && <span className="check-detail">{check.detail}</span>}
      {!check.ready && remedy && <span className="check-detail">{say(remedy)}</span>}
    </li>
  )
}

const NAMES: Record<string, string> = { postgresql: 'PostgreSQL', redis: 'Redis' }
const REMEDIES: Record<string, Word> = { postgresql: 'status.remedy_postgresql', redis: 'status.remedy_redis' }

function judge(outcome: Outcome | null, say: Say): Verdict {
  if (outcome === null) {
    return { mood: 'waiting', title: say('status.checking'), text: say('status.checking_text'), commands: [] }
  }
  switch (outcome.kind) {
    case 'silent':
      return {
        mood: 'bad',
        title: say('status.silent'),
        text: say('status.silent_text'),
        commands: ['make status', 'make up'],
      }
    case 'strange':
      return {
        mood: 'bad',
        title: say('status.strange'),
        text: say('status.strange_text', { status: outcome.status }),
        commands: ['make logs PART=gateway'],
      }
    case 'answered':
      return judgeAnswer(outcome.readiness.ready, outcome.readiness.checks, say)
  }
}

function judgeAnswer(ready: boolean, checks: Check[], say: Say): Verdict {
  if (!ready) {
    return { mood: 'bad', title: say('status.not_ready'), text: say('status.not_ready_text'), commands: ['konstruct doctor'] }
  }
  if (checks.some((check) => !check.ready)) {
    return { mood: 'fair', title: say('status.slower'), text: say('status.slower_text'), commands: ['konstruct doctor'] }
  }
  return { mood: 'good', title: say('status.ready'), text: say('status.ready_text'), commands: ['make status'] }
}
