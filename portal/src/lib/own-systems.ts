// What one of the tenant's own systems can be told, as the gateway names it and as people choose it.

/** Each with a word of its own; whatever else is asked for is an act of the log, by its name. */
export const KINDS = ['message.received', 'message.answered', 'message.replied', 'message.edited', 'message.deleted', 'notice', 'log'] as const
export type Kind = (typeof KINDS)[number]

export const wordOf = (kind: Kind) => `own.kind.${kind}` as const

const OF_MESSAGES = KINDS.filter((kind) => kind.startsWith('message.'))

/** What an endpoint asks for: no name at all is the whole log, and `message` is all of the messages. */
export function kindsIn(actions: string[]): { kinds: Kind[]; acts: string[] } {
  const asked = new Set(actions.length === 0 ? ['log'] : actions)
  const kinds = KINDS.filter((kind) => asked.has(kind) || (asked.has('message') && OF_MESSAGES.includes(kind)))
  const acts = actions.filter((action) => action !== 'message' && !KINDS.some((kind) => kind === action))
  return { kinds, acts }
}

/** The names of acts that somebody typed. */
export const actsIn = (text: string) => text.split(/[\s,]+/).filter(Boolean)

export const hasMessages = (kinds: Kind[]) => kinds.some((kind) => OF_MESSAGES.includes(kind))
