// What acts, actors and faults of the audit log are called.
import type { Word } from './words'

/** The words that acts begin with. */
export const GROUPS = [
  'agent',
  'api_key',
  'approval',
  'audit',
  'bindings',
  'budget',
  'case',
  'connection',
  'conversation',
  'currency',
  'document',
  'escalation',
  'escalation_rule',
  'follow_up',
  'fork',
  'impersonation',
  'invitation',
  'job',
  'llm_key',
  'mcp_server',
  'member',
  'memory',
  'owner',
  'password',
  'person',
  'routine',
  'run',
  'second_factor',
  'session',
  'support',
  'tenant',
  'tool',
  'tool_call',
] as const

/** Who has no name of their own in a list. */
export const KINDS = ['command_line', 'system', 'person'] as const

const ACTORS: Record<string, Word> = {
  user: 'audit.kind_user',
  api_key: 'audit.kind_api_key',
  person: 'audit.kind_person',
  command_line: 'audit.kind_command_line',
}

export const actorWord = (kind: string): Word => ACTORS[kind] ?? 'audit.kind_system'

/** Who acted as whom, where somebody of the platform did. */
export interface Acting {
  admin: string
  acts_as_name: string
  ticket: string
}

export function actingIn(detail: object): Acting | null {
  const acting = (detail as { impersonation?: Partial<Acting> }).impersonation
  return typeof acting?.admin === 'string' ? { admin: acting.admin, acts_as_name: acting.acts_as_name ?? '', ticket: acting.ticket ?? '' } : null
}

const FAULTS: Record<string, Word> = {
  changed: 'audit.fault_changed',
  missing: 'audit.fault_missing',
  out_of_place: 'audit.fault_out_of_place',
}

export const faultWord = (kind: string): Word => FAULTS[kind] ?? 'audit.fault_not_the_head'
