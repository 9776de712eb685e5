// What is tried and sent to nobody: replays of an answer, forks of a conversation, cases with their trials. While one of
// them is being answered, it is asked for again.
import { queryOptions } from '@tanstack/react-query'
import { call } from './client'
import { WATCHED_MS } from './queries'
import type { ReplayBody } from './schema'

const whileOneWaits = (answers: ReplayBody[] | undefined): number | false => (answers?.some(({ state }) => state === 'waiting') ? WATCHED_MS : false)

export const replaysQuery = (conversationId: string, runId: string) =>
  queryOptions({
    queryKey: ['replays', conversationId, runId],
    queryFn: () =>
      call('GET /api/v1/conversations/{conversation_id}/runs/{run_id}/replays', { path: { conversation_id: conversationId, run_id: runId } }),
    refetchInterval: ({ state }) => whileOneWaits(state.data?.items),
  })

export const forksQuery = (conversationId: string) =>
  queryOptions({
    queryKey: ['forks', conversationId],
    queryFn: () => call('GET /api/v1/conversations/{conversation_id}/forks', { path: { conversation_id: conversationId } }),
  })

export const forkQuery = (forkId: string) =>
  queryOptions({
    queryKey: ['fork', forkId],
    queryFn: () => call('GET /api/v1/forks/{fork_id}', { path: { fork_id: forkId } }),
    refetchInterval: ({ state }) => whileOneWaits(state.data?.side.map(({ answer }) => answer)),
  })

export const casesQuery = queryOptions({ queryKey: ['cases'], queryFn: () => call('GET /api/v1/cases') })

export const trialQuery = (trialId: string) =>
  queryOptions({
    queryKey: ['trial', trialId],
    queryFn: () => call('GET /api/v1/cases/trials/{trial_id}', { path: { trial_id: trialId } }),
    refetchInterval: ({ state }) => (state.data?.state === 'waiting' ? WATCHED_MS : false),
  })
