// What a conversation is called in a list, and which one comes next.
import type { ConversationBody } from '../api/schema'
import type { InboxSearch } from './searches'

export function titleOf(conversation: ConversationBody): string {
  const { place_name: name, place, kind, last_message: last } = conversation
  if (name !== '') return kind === 'public' || kind === 'private' ? `#${name.replace(/^#/, '')}` : name
  if (kind === 'direct' && last?.author_kind === 'person') return last.author
  return place
}

export const isFiltered = ({ channel, who, q }: InboxSearch): boolean => Boolean(channel ?? who ?? q)

/** The neighbour in the list: `j` goes down, `k` up, and both start at the top. */
export function neighbour(ids: string[], current: string | undefined, step: 1 | -1): string | undefined {
  const at = current === undefined ? -1 : ids.indexOf(current)
  if (at === -1) return ids[0]
  return ids[Math.min(Math.max(at + step, 0), ids.length - 1)]
}
