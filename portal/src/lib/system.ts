// How the installation is and was, as numbers that can be drawn.
import type { History, ProviderHealthBody } from '../api/schema'
import type { Mood } from '../ui/badge'
import type { Word } from './words'

export const SYSTEM_MEASURES = ['lanes', 'jobs', 'dead', 'failures'] as const
export type SystemMeasure = (typeof SYSTEM_MEASURES)[number]

const MINUTE_MS = 60_000

export interface Stretch {
  at: string
  value: number
}

/** Every stretch of the hours, the first one first. One that was not kept has nothing to show. */
export function stretches({ minutes, items, providers }: History, hours: number, measure: SystemMeasure, now: number = Date.now()): Stretch[] {
  const length = minutes * MINUTE_MS
  const values = new Map<number, number>()
  if (measure === 'failures') {
    for (const { at, failed } of providers) values.set(Date.parse(at), (values.get(Date.parse(at)) ?? 0) + failed)
  } else {
    for (const { at, load } of items) values.set(Date.parse(at), measure === 'lanes' ? load.lanes_waiting : measure === 'jobs' ? load.jobs_waiting : load.jobs_dead)
  }
  const all = []
  const last = Math.floor(now / length) * length
  for (let at = last - hours * 60 * MINUTE_MS + length; at <= last; at += length) {
    all.push({ at: new Date(at).toISOString(), value: values.get(at) ?? 0 })
  }
  return all
}

/** How a provider is, by the last hour: more failures than answers are no accident. */
export function healthOf({ answered, failed }: Pick<ProviderHealthBody, 'answered' | 'failed'>): { mood: Mood; word: Word } {
  if (answered + failed === 0) return { mood: 'calm', word: 'system.uncalled' }
  if (failed === 0) return { mood: 'good', word: 'system.well' }
  return answered === 0 || failed > answered ? { mood: 'bad', word: 'system.unwell' } : { mood: 'fair', word: 'system.troubled' }
}
