// What a memory's place and audience are called.
import type { MemoryBody } from '../api/schema'
import type { Say, Word } from './words'

const EXCERPT_CHARS = 60

export function audienceWord(audience: string): Word {
  if (audience === 'tenant') return 'memory.audience_tenant'
  return audience === 'person' ? 'memory.audience_person' : 'memory.audience_channel'
}

/** What is direct has no name on the platform, or an id: who said it stands beside it. */
export function placeOf({ place, place_name: name, kind }: Pick<MemoryBody, 'place' | 'place_name' | 'kind'>, say: Say): string {
  if (kind === 'direct') return say('memory.direct')
  if (name === '') return place
  return kind === 'public' || kind === 'private' ? `#${name.replace(/^#/, '')}` : name
}

/** Its beginning, to name it by. */
export function excerptOf(text: string): string {
  const letters = [...text]
  return letters.length > EXCERPT_CHARS ? `${letters.slice(0, EXCERPT_CHARS).join('')}…` : text
}
