// What a page shows before there is something to show, and when there won't be.
import type { ReactNode } from 'react'
import { ApiProblem, Unreachable } from '../api/client'
import { useWords, type Say } from '../lib/words'
import { Button } from './button'

/** What happened and what to do; the gateway's own sentence where ours does not know better. */
export function explain(problem: unknown, say: Say): string {
  if (problem instanceof Unreachable) return say('error.unreachable')
  if (!(problem instanceof ApiProblem)) return say('error.unexpected')
  switch (problem.code) {
    case 'wrong_password':
      return problem.status === 401 ? say('error.wrong_password') : say('error.wrong_current')
    case 'wrong_code':
      return say('error.wrong_code')
    case 'dead_link':
      return say('error.dead_link')
    case 'read_only':
      return say('error.read_only')
    case 'forbidden':
      return say('error.forbidden')
    case 'internal':
      return say('error.internal')
    case 'strange':
      return say('error.strange', { status: problem.status })
    default:
      return problem.message
  }
}

export function Problem({ of: problem }: { of: unknown }) {
  const say = useWords()
  if (!problem) return null
  return (
    <p className="note bad" role="alert">
      {explain(problem, say)}
    </p>
  )
}

export function Failed({ problem, onRetry }: { problem: unknown; onRetry: () => void }) {
  const say = useWords()
  return (
    <div className="state" role="alert">
      <h2>{say('state.failed')}</h2>
      <p>{explain(problem, say)}</p>
      <Button onClick={onRetry}>{say('state.retry')}</Button>
    </div>
  )
}

export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="state">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

export function Loading({ lines = 4 }: { lines?: number }) {
  const say = useWords()
  return (
    <div className="loading" role="status" aria-label={say('state.loading')}>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} aria-hidden="true" />
      ))}
    </div>
  )
}

interface Asked<T> {
  data: T | undefined
  error: unknown
  refetch: () => unknown
}

/** Loading, failed, or what was asked for. What is there already stays while a later question fails. */
export function Asking<T>({ query, lines, children }: { query: Asked<T>; lines?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return children(query.data)
  if (query.error) return <Failed problem={query.error} onRetry={() => void query.refetch()} />
  return <Loading lines={lines} />
}
