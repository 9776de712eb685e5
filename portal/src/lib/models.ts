// Which agents a model key answers for.
import type { AgentBody, LlmKeyBody } from '../api/schema'

/** Those whose list names it; the default key also answers for agents without a list. */
export function usersOf(key: Pick<LlmKeyBody, 'id' | 'is_default'>, agents: AgentBody[]): AgentBody[] {
  return agents.filter(({ models }) => models.some(({ llm_key: named }) => named === key.id) || (key.is_default && models.length === 0))
}
