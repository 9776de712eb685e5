// What is tried instead of an agent as it is: another model, other instructions, or nothing that is remembered.
import type { AgentBody, DraftBody } from '../api/schema'
import { differences, shapeOf, type Difference } from './agents'

export interface DraftForm {
  model: string
  /** `null`: nobody has touched them. */
  instructions: string | null
  memory: boolean
}

export const NO_DRAFT: DraftForm = { model: '', instructions: null, memory: true }

/** Only what differs from the agent is sent. */
export function draftOf({ model, instructions, memory }: DraftForm, agent: AgentBody | undefined): DraftBody {
  const own = model.trim()
  const isOther = instructions !== null && instructions !== agent?.instructions
  return { ...(own !== '' && own !== agent?.model && { model: own }), ...(isOther && { instructions }), ...(!memory && { memory: false }) }
}

export const isAsItIs = (draft: DraftBody): boolean => Object.keys(draft).length === 0

/** How what was tried differs from the agent as it is now. */
export function draftDifferences(agent: AgentBody | undefined, tried: Pick<DraftBody, 'model' | 'instructions'>): Difference[] {
  const now = shapeOf(agent)
  return differences(now, { ...now, model: tried.model ?? now.model, instructions: tried.instructions ?? now.instructions })
}
