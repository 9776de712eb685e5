// What the addresses of pages may carry, and how it is read from what anybody may write there.

export interface InboxSearch {
  conversation?: string
  channel?: 'slack' | 'whatsapp'
  who?: 'agent' | 'human' | 'waiting'
  q?: string
  /** The message that is pointed at. */
  message?: string
  /** The panel that says why: of a run, or of all (`all`). */
  why?: string
}

export interface MemorySearch {
  q?: string
  person?: string
  conversation?: string
  /** Facts that were drawn from it, or those that hold no longer. */
  view?: 'facts' | 'closed'
  /** The platform's id of a channel. */
  place?: string
  /** The one whose origin is shown. */
  memory?: string
}

export interface KnowledgeSearch {
  /** What is asked, as one would ask an agent, and which one. */
  q?: string
  agent?: string
}

export interface AuditSearch {
  action?: string
  actor?: string
}

export interface EscalationSearch {
  state?: 'waiting' | 'human' | 'closed'
}

export interface ApprovalSearch {
  /** What was decided, or not in time; else what waits. */
  state?: 'over'
  /** The one that the keys are about. */
  approval?: string
}

export interface UsageSearch {
  days?: 7 | 30 | 90
  by?: 'agent' | 'model' | 'person'
  show?: 'cost' | 'calls' | 'tokens'
}

export const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
export const oneOf = <T extends string>(value: unknown, allowed: readonly T[]): T | undefined =>
  allowed.find((one) => one === value)

/** From a mail's link. The router reads what looks like JSON, and a token must stay a text. */
export const token = (search: Record<string, unknown>): { token: string } => ({ token: String(search.token ?? '') })
