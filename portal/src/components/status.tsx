// The live state of the installation. Every state says what to do, and never more than the gateway told us.
import type { ReactNode } from 'react'
import type { Check, Outcome } from '../api/readiness'
import type { Live } from '../use-readiness'
import { Command } from './command'

type Mood = 'waiting' | 'good' | 'fair' | 'bad'

interface Verdict {
  mood: Mood
  title: string
  text: ReactNode
  /** What to run next. */
  commands: string[]
}

export function Status({ live }: { live: Live }) {
  const verdict = judge(live.outcome)
  const checks = live.outcome?.kind === 'answered' ? live.outcome.readiness.checks : []
  return (
    <section className={`card status ${verdict.mood}`} aria-labelledby="status-title" aria-busy={live.outcome === null}>
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
        {live.checkedAt === null ? 'Asked for the first time just now.' : `Checked at ${clockTime(live.checkedAt)}.`}{' '}
        Refreshes every 5 seconds.
        <button type="button" className="text-button" onClick={live.checkNow}>
          Check now
        </button>
      </p>
    </section>
  )
}

function CheckRow({ check }: { check: Check }) {
  const mood: Mood = check.ready ? 'good' : check.required ? 'bad' : 'fair'
  const word = check.ready ? 'ready' : check.required ? 'not ready' : 'not ready, not required'
  return (
    <li className={mood}>
      <span className="dot" aria-hidden="true" />
      <span className="check-name">{NAMES[check.name] ?? check.name}</span>
      <span className="check-word">{word}</span>
      {!check.ready && <span className="check-detail">{check.detail}</span>}
      {!check.ready && REMEDIES[check.name] && <span className="check-detail">{REMEDIES[check.name]}</span>}
    </li>
  )
}

const NAMES: Record<string, string> = { postgresql: 'PostgreSQL', redis: 'Redis' }

const REMEDIES: Record<string, string> = {
  postgresql: 'Start the server, or correct DATABASE_URL and DATABASE_SYSTEM_URL.',
  redis: 'Start the server, or correct REDIS_URL.',
}

function judge(outcome: Outcome | null): Verdict {
  if (outcome === null) {
    return { mood: 'waiting', title: 'Checking …', text: 'Asking the gateway how it is.', commands: [] }
  }
  switch (outcome.kind) {
    case 'silent':
      return {
        mood: 'bad',
        title: 'The gateway does not answer',
        text: 'It was stopped, or the network between is down. See which part is missing, then start it again.',
        commands: ['make status', 'make up'],
      }
    case 'strange':
      return {
        mood: 'bad',
        title: 'Something else answers',
        text: `Status ${outcome.status} came back, without the gateway’s report. Check the proxy between this browser and the gateway; the gateway itself logs to:`,
        commands: ['make logs PART=gateway'],
      }
    case 'answered':
      return judgeAnswer(outcome.readiness.ready, outcome.readiness.checks)
  }
}

function judgeAnswer(ready: boolean, checks: Check[]): Verdict {
  if (!ready) {
    return {
      mood: 'bad',
      title: 'Not ready',
      text: 'The gateway runs but lacks something it needs. Messages are not accepted; Slack sends them again for a few minutes.',
      commands: ['konstruct doctor'],
    }
  }
  if (checks.some((check) => !check.ready)) {
    return {
      mood: 'fair',
      title: 'Ready, but slower than usual',
      text: 'Everything works. One part that only speeds things up is missing.',
      commands: ['konstruct doctor'],
    }
  }
  return {
    mood: 'good',
    title: 'Ready',
    text: (
      <>
        The gateway accepts messages. Orchestrator and worker have health addresses of their own; <code>make status</code>{' '}
        asks them all.
      </>
    ),
    commands: [],
  }
}

function clockTime(time: Date): string {
  return time.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
}
