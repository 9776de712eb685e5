// Servers of others that bring tools along. What changes one changes the tools, and who may use them.
import { queryOptions, useQueryClient } from '@tanstack/react-query'
import { call } from './client'
import { agentsQuery, toolsQuery } from './queries'

export const serversQuery = queryOptions({ queryKey: ['tool-servers'], queryFn: () => call('GET /api/v1/mcp-servers') })

export function useToolsAgain(): () => Promise<unknown> {
  const client = useQueryClient()
  return () => Promise.all([serversQuery, toolsQuery, agentsQuery].map(({ queryKey }) => client.invalidateQueries({ queryKey })))
}
