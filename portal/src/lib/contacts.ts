// How people who talk to the agents are told apart, and what is kept of them is summed up.
import type { ErasureBody, PersonBody } from '../api/schema'
import type { Word } from './words'

/** Tables, by what they mean to somebody who reads their names for the first time. */
const KINDS: [Word, string[]][] = [
  ['contacts.messages', ['messages']],
  ['contacts.memories', ['memories', 'summaries']],
  ['contacts.files', ['media', 'sent_files']],
  ['contacts.sent', ['outbox', 'outbox_parts', 'delivery_statuses']],
  ['contacts.turns', ['run_steps', 'tool_calls', 'approvals']],
  ['contacts.received', ['inbox', 'interactions', 'message_changes']],
  ['contacts.tries', ['rehearsals', 'forks']],
  ['contacts.work', ['escalations', 'notices', 'follow_ups', 'routines', 'routine_runs', 'feedback']],
]

/** Rows by kind; kinds of which there is nothing are left out. */
export function kindsOf(counts: object): [Word, number][] {
  const left = new Map(Object.entries(counts as Record<string, number>))
  const sums = KINDS.map(([word, tables]): [Word, number] => {
    const sum = tables.reduce((all, table) => all + (left.get(table) ?? 0), 0)
    tables.forEach((table) => left.delete(table))
    return [word, sum]
  })
  const others = [...left.values()].reduce((all, rows) => all + rows, 0)
  return [...sums, ['contacts.others', others] as [Word, number]].filter(([, rows]) => rows > 0)
}

const STANDINGS: Record<string, Word> = { member: 'contacts.member', guest: 'contacts.guest', outsider: 'contacts.outsider', bot: 'contacts.bot' }

/** `null`: nobody has said. */
export const standingWord = (standing: string): Word | null => STANDINGS[standing] ?? null

/** A number as people write it, or the platform's id. */
export function knownBy({ phone, channel, external_id: id }: PersonBody): string {
  const number = phone ?? (channel === 'whatsapp' && /^\d+$/.test(id) ? id : null)
  return number === null ? id : `+${number}`
}

/** The latest that took them along. */
export const erasureOf = (personId: string, erasures: ErasureBody[] = []): ErasureBody | undefined => erasures.find(({ people }) => people.includes(personId))

/** Lets the browser keep a text as a file. */
export function saveFile(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // Firefox begins to read it a moment later.
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
