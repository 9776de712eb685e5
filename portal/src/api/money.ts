// What money is said in, and what models cost by a key of one's own.
import { queryOptions } from '@tanstack/react-query'
import { call } from './client'

export const currencyQuery = queryOptions({ queryKey: ['currency'], queryFn: () => call('GET /api/v1/currency') })

export const pricesQuery = (key: string) =>
  queryOptions({ queryKey: ['model-prices', key], queryFn: () => call('GET /api/v1/llm-keys/{llm_key_id}/prices', { path: { llm_key_id: key } }) })
