// What is counted: the ledger, what happened, and how the installation is.
import { queryOptions } from '@tanstack/react-query'
import { ownZone, spanOf } from '../lib/money'
import type { AnalyticsSearch, UsageSearch } from '../lib/searches'
import { call } from './client'
import { NOTICES_MS, RARELY_MS } from './queries'

/** The ledger of the reader's own days. */
export const usageQuery = (by: 'day' | NonNullable<UsageSearch['by']>, days: number) => {
  const span = spanOf(days)
  return queryOptions({
    queryKey: ['usage', by, span],
    queryFn: () => call('GET /api/v1/usage', { query: { by, ...span, time_zone: ownZone() } }),
    refetchInterval: NOTICES_MS,
  })
}

/** What an analytics report is about; the tenant's clock says which days the last ones are. */
export const analyticsQuery = (days: number, { agent, channel }: AnalyticsSearch) => {
  const span = spanOf(days)
  return queryOptions({
    queryKey: ['analytics', span, agent, channel],
    queryFn: () => call('GET /api/v1/analytics', { query: { ...span, agent, channel } }),
    refetchInterval: NOTICES_MS,
  })
}

export const systemQuery = queryOptions({ queryKey: ['system'], queryFn: () => call('GET /api/v1/status'), refetchInterval: RARELY_MS })

export const systemHistoryQuery = (hours: number) =>
  queryOptions({
    queryKey: ['system', 'history', hours],
    queryFn: () => call('GET /api/v1/status/history', { query: { hours } }),
    refetchInterval: NOTICES_MS,
  })
