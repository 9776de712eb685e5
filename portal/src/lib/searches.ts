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
  /** A side conversation that is shown beside it. */
  fork?: string
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

export interface ContactsSearch {
  /** A part of a name, or a whole number. */
  q?: string
  vip?: true
  /** Whoever is open. */
  person?: string
  view?: 'erased' | 'retention'
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
  /** Only what rules mean for who looks. */
  meant?: 'me'
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

/** From a mail's link: behind `#`, which no server is told; links of older mails have it behind `?`. */
export function tokenOf({ hash, search }: { hash: string; search: string }): string {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token') ?? new URLSearchParams(search).get('token') ?? ''
}

type Carried = Record<string, unknown>

/** `provider`: how a visit to the sign-in provider ended. */
export const signInSearch = (search: Carried): { next?: string; provider?: string; signed_out?: 'unsure' } => ({
  next: ownPath(search.next),
  provider: text(search.provider),
  signed_out: oneOf(search.signed_out, ['unsure']),
})
export const settingsSearch = (search: Carried): { provider?: string } => ({ provider: text(search.provider) })

/** What somebody typed: the router reads a number out of `?q=42`. */
const typed = (value: unknown): string | undefined => (value === undefined ? undefined : text(String(value)))

export const inboxSearch = (search: Carried): InboxSearch => ({
  conversation: text(search.conversation),
  channel: oneOf(search.channel, ['slack', 'whatsapp']),
  who: oneOf(search.who, ['agent', 'human', 'waiting']),
  q: typed(search.q),
  message: text(search.message),
  why: text(search.why),
  fork: text(search.fork),
})

export const memorySearch = (search: Carried): MemorySearch => ({
  q: typed(search.q),
  person: text(search.person),
  conversation: text(search.conversation),
  view: oneOf(search.view, ['facts', 'closed']),
  place: typed(search.place),
  memory: text(search.memory),
})

export const contactsSearch = (search: Carried): ContactsSearch => ({
  q: typed(search.q),
  vip: search.vip === true || undefined,
  person: text(search.person),
  view: oneOf(search.view, ['erased', 'retention']),
})

export const knowledgeSearch = (search: Carried): KnowledgeSearch => ({ q: typed(search.q), agent: text(search.agent) })

export const escalationSearch = (search: Carried): EscalationSearch => ({
  state: oneOf(search.state, ['waiting', 'human', 'closed']),
  meant: oneOf(search.meant, ['me']),
})

export const auditSearch = (search: Carried): AuditSearch => ({ action: text(search.action), actor: text(search.actor) })

export const approvalSearch = (search: Carried): ApprovalSearch => ({
  state: oneOf(search.state, ['over']),
  approval: text(search.approval),
})

export interface AnalyticsSearch {
  days?: 7 | 90
  agent?: string
  channel?: 'slack' | 'whatsapp'
  figure?: 'messages' | 'answers' | 'taken_over' | 'cost'
}

export const analyticsSearch = ({ days, agent, channel, figure }: Carried): AnalyticsSearch => ({
  days: days === 7 || days === 90 ? days : undefined,
  agent: text(agent),
  channel: oneOf(channel, ['slack', 'whatsapp']),
  figure: oneOf(figure, ['messages', 'answers', 'taken_over', 'cost']),
})

/** How far back, in hours; a day if nothing is said. */
export const systemSearch = ({ hours, graph }: Carried): { hours?: 168 | 720; graph?: 'jobs' | 'dead' | 'failures' } => ({
  hours: hours === 168 || hours === 720 ? hours : undefined,
  graph: oneOf(graph, ['jobs', 'dead', 'failures']),
})

export const usageSearch = ({ days, by, show }: Carried): UsageSearch => ({
  days: days === 7 || days === 90 ? days : undefined,
  by: oneOf(by, ['model', 'person']),
  show: oneOf(show, ['calls', 'tokens']),
})

/** The routine that is open, or what agents come back to instead. */
export const routinesSearch = (search: Carried): { routine?: string; list?: 'follow-ups' } => ({ routine: text(search.routine), list: oneOf(search.list, ['follow-ups']) })

/** The case that is open, and what became of those that were tried. */
export const casesSearch = (search: Carried): { case?: string; trial?: string } => ({ case: text(search.case), trial: text(search.trial) })

/** Where to go after signing in: an address of ours, never another site's. */
export function ownPath(given: unknown): string | undefined {
  if (typeof given !== 'string' || !given.startsWith('/') || given.includes('\\')) return undefined
  const url = new URL(given, location.origin)
  return url.origin === location.origin ? `${url.pathname}${url.search}` : undefined
}
