// How the portal asks and sends, also while the line is down.
import { QueryClient } from '@tanstack/react-query'
import { ApiProblem } from './client'

const RETRIES_MAX = 2

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      // What the gateway refused it refuses again; a lost line may come back.
      queries: { retry: (count, problem) => count < RETRIES_MAX && !(problem instanceof ApiProblem && problem.status < 500) },
      // Without a line it fails at once and says so. Held back, it would be sent whenever the line returns, unseen.
      mutations: { networkMode: 'always' },
    },
  })
}
