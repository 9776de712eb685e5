// Why the agent answered as it did, or stayed silent: every run of a conversation, the newest first.
import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { traceQuery } from '../api/queries'
import type { StepBody } from '../api/schema'
import { stateOf } from '../lib/traces'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Empty } from '../ui/states'
import { Replays } from './replays'
import { Step } from './why-step'

interface WhyProps {
  conversationId: string
  /** The run that was asked for, or `all`. */
  of: string
  onClose: () => void
}

export function Why({ conversationId, of, onClose }: WhyProps) {
  const say = useWords()
  const trace = useInfiniteQuery(traceQuery(conversationId))
  const items = trace.data?.pages.flatMap((page) => page.items) ?? []
  const hasIt = items.some((step) => step.run_id === of)
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = trace
  // What was asked for may stand further back.
  useEffect(() => {
    if (of !== 'all' && !hasIt && hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [of, hasIt, hasNextPage, isFetchingNextPage, fetchNextPage])

  return (
    <aside className="why" aria-label={say('why.title')}>
      <header className="why-head">
        <h3>{say('why.title')}</h3>
        <Button look="quiet" onClick={onClose}>
          {say('why.close')}
        </Button>
      </header>
      <Asking query={trace}>
        {() =>
          items.length === 0 ? (
            <Empty title={say('why.empty')}>{null}</Empty>
          ) : (
            <ol className="steps">
              {items.map((step, index) => (
                <Line key={step.run_id ?? step.arrived_at ?? index} conversationId={conversationId} step={step} isAsked={step.run_id === of} isOpen={of === 'all' && index === 0} />
              ))}
            </ol>
          )
        }
      </Asking>
      {hasNextPage && (
        <Button look="quiet" busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {say('why.older')}
        </Button>
      )}
    </aside>
  )
}

function Line({ conversationId, step, isAsked, isOpen }: { conversationId: string; step: StepBody; isAsked: boolean; isOpen: boolean }) {
  const say = useWords()
  const details = useRef<HTMLDetailsElement>(null)
  const [word, mood] = stateOf(step)
  const at = step.started_at ?? step.arrived_at
  useEffect(() => {
    if (!isAsked || !details.current) return
    details.current.open = true
    details.current.scrollIntoView({ block: 'start' })
  }, [isAsked])
  // Opened and closed by hand from then on.
  const begin = useRef(isOpen)
  useEffect(() => {
    if (begin.current && details.current) details.current.open = true
  }, [])
  return (
    <li>
      <details ref={details}>
        <summary>
          <Badge mood={mood}>{say(word)}</Badge>{' '}
          <span>{step.agent}</span>{' '}
          {at && (
            <time dateTime={at} title={moment(at)}>
              {ago(at)}
            </time>
          )}
        </summary>
        <Step step={step} />
        {step.run_id && step.prompt && <Replays conversationId={conversationId} runId={step.run_id} agent={step.agent} />}
      </details>
    </li>
  )
}
