// What is recorded of one run. People and models write anything: it is shown as text, never as markup.
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { CallBody, RecalledBody, StepBody } from '../api/schema'
import { between, costOf, count, isRecorded, lasting, scoreOf, sendStateWord, sentWord } from '../lib/traces'
import { clock, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { ToolCalls } from './why-tools'

export function Step({ step }: { step: StepBody }) {
  const say = useWords()
  return (
    <div className="step">
      {step.reason && (
        <p className="note fair">
          {say('why.reason')}: {step.reason}
        </p>
      )}
      {step.run_id && (
        <>
          {step.messages > 1 && <p className="quiet">{say('why.several', { count: step.messages })}</p>}
          {isRecorded(step) ? (
            <>
              <Recalled items={step.recalled} />
              <Shown step={step} />
            </>
          ) : (
            <p className="quiet">{say('why.unrecorded')}</p>
          )}
          {step.tool_calls.length > 0 && (
            <Part title={say('why.tools')}>
              <ToolCalls calls={step.tool_calls} />
            </Part>
          )}
          <Calls calls={step.calls} />
          <Times step={step} />
          <Sent step={step} />
          <Opinions step={step} />
        </>
      )}
    </div>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h4>{title}</h4>
      {children}
    </section>
  )
}

function Recalled({ items }: { items: RecalledBody[] }) {
  const say = useWords()
  return (
    <Part title={say('why.recalled')}>
      {items.length === 0 && <p className="quiet">{say('why.recalled_none')}</p>}
      <ol className="recalled">
        {items.map((memory) => (
          <li key={memory.memory_id}>
            {memory.text ? (
              <Link to="/memory" search={{ memory: memory.memory_id }} className="said">
                {memory.text}
              </Link>
            ) : (
              <em>{say('why.recalled_gone')}</em>
            )}
            <span className="quiet">
              {memory.author && `${memory.author} · `}
              {memory.said_at && `${moment(memory.said_at)} · `}
              {say('why.score', { score: scoreOf(memory.score) })}
            </span>
          </li>
        ))}
      </ol>
    </Part>
  )
}

function Numbers({ rows }: { rows: [string, string | undefined][] }) {
  return (
    <dl className="numbers">
      {rows.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

function Shown({ step: { prompt } }: { step: StepBody }) {
  const say = useWords()
  const chars = (number: number) => say('why.chars', { count: count(number) })
  return (
    <Part title={say('why.shown')}>
      {prompt ? (
        <Numbers
          rows={[
            [say('why.instructions'), chars(prompt.instructions)],
            [say('why.memories'), chars(prompt.memories)],
            [say('why.summary'), prompt.summary > 0 ? chars(prompt.summary) : undefined],
            [say('why.conversation'), chars(prompt.conversation)],
            [say('why.messages'), count(prompt.messages)],
            [say('why.files'), prompt.files > 0 ? count(prompt.files) : undefined],
          ]}
        />
      ) : (
        <p className="quiet">{say('why.not_asked')}</p>
      )}
    </Part>
  )
}

function Calls({ calls }: { calls: CallBody[] }) {
  const say = useWords()
  if (calls.length === 0) return null
  const told = (call: CallBody) =>
    [
      say('why.tokens', { input: count(call.input_tokens), output: count(call.output_tokens) }),
      call.estimated && say('why.estimated'),
      call.status === 'failed' && say('why.call_failed'),
      call.status === 'unknown' && say('why.call_unknown'),
      typeof call.cost_micro_usd === 'number' ? costOf(call.cost_micro_usd) : say('why.no_price'),
    ].filter(Boolean)
  return (
    <Part title={say('why.calls')}>
      <ul>
        {calls.map((call, index) => (
          <li key={index}>
            {call.model} <span className="quiet">{told(call).join(' · ')}</span>
          </li>
        ))}
      </ul>
    </Part>
  )
}

function Times({ step }: { step: StepBody }) {
  const say = useWords()
  const written = (milliseconds: number | undefined) => (milliseconds === undefined ? undefined : lasting(milliseconds))
  return (
    <Part title={say('why.times')}>
      <Numbers
        rows={[
          [say('why.waited'), written(between(step.arrived_at, step.started_at))],
          [say('why.recall'), written(step.prompt?.recall_ms)],
          [say('why.model'), written(step.prompt?.model_ms)],
          [say('why.whole'), written(between(step.arrived_at ?? step.started_at, step.finished_at))],
        ]}
      />
    </Part>
  )
}

function Sent({ step }: { step: StepBody }) {
  const say = useWords()
  if (step.deliveries.length === 0) return null
  return (
    <Part title={say('why.sent')}>
      <ul>
        {step.deliveries.map((sent, index) => (
          <li key={index}>
            {say(sentWord(sent.kind))}{' '}
            <span className="quiet">
              {say(sendStateWord(sent.state))}
              {sent.sent_at && `, ${clock(sent.sent_at, true)}`}
              {sent.error && `: ${sent.error}`}
            </span>
          </li>
        ))}
      </ul>
    </Part>
  )
}

function Opinions({ step }: { step: StepBody }) {
  const say = useWords()
  if (step.opinions.length === 0) return null
  return (
    <Part title={say('why.opinions')}>
      <ul>
        {step.opinions.map((opinion, index) => (
          <li key={index}>
            {opinion.person}: {say(opinion.verdict === 'good' ? 'why.good' : 'why.bad')}
            {opinion.comment && <span className="quiet said">{opinion.comment}</span>}
          </li>
        ))}
      </ul>
    </Part>
  )
}
