// What memory, traces and the audit log are called.
import { beforeEach, expect, test } from 'vitest'
import { actorWord, faultWord, GROUPS, KINDS } from './audit'
import { audienceWord, excerptOf, placeOf } from './memories'
import { prefer } from './preferences'
import { between, costOf, isRecorded, lasting, scoreOf, sendStateWord, sentWord, stateOf } from './traces'
import { english, sayIn } from './words'

beforeEach(() => prefer({ language: 'en' }))

test('a memory is named by its beginning, letter by letter, and by its place', () => {
  expect(excerptOf('short')).toBe('short')
  expect(excerptOf('🦀'.repeat(61))).toBe(`${'🦀'.repeat(60)}…`)
  const say = sayIn(english)
  expect(placeOf({ place: 'C1', place_name: '', kind: 'public' }, say)).toBe('C1')
  expect(placeOf({ place: 'C1', place_name: '#sales', kind: 'private' }, say)).toBe('#sales')
  expect(placeOf({ place: 'D1', place_name: 'D1', kind: 'direct' }, say)).toBe('direct message')
})

test('an audience that is not known is never called larger than a channel', () => {
  expect(audienceWord('tenant')).toBe('memory.audience_tenant')
  expect(audienceWord('person')).toBe('memory.audience_person')
  expect(audienceWord('something')).toBe('memory.audience_channel')
})

test('a run that was interrupted says nothing of what its model was shown', () => {
  expect(isRecorded({ prompt: null, state: 'dropped' })).toBe(false)
  expect(isRecorded({ prompt: null, state: 'running' })).toBe(false)
  expect(isRecorded({ prompt: null, state: 'done' })).toBe(true)
})

test('a run is what it came to, and a message without one is a silence', () => {
  expect(stateOf({ run_id: 'run_1', state: 'done' })).toEqual(['why.done', 'good'])
  expect(stateOf({ run_id: 'run_1', state: 'failed' })).toEqual(['why.failed', 'bad'])
  expect(stateOf({ run_id: null, state: 'held' })).toEqual(['why.silent', 'calm'])
  expect(sendStateWord('unknown')).toBe('why.state_unknown')
  expect(sentWord('apology')).toBe('why.sent_apology')
})

test('small sums and short times keep what matters', () => {
  expect(costOf(1_234)).toMatch(/0\.0012/)
  expect(costOf(0)).toMatch(/0/)
  expect(scoreOf(12.345)).toBe('12.3')
  expect(lasting(250)).toBe('250 ms')
  expect(lasting(1_250)).toMatch(/^1\.[23] s$/)
  expect(between('2026-11-27T12:00:00Z', '2026-11-27T12:00:01.5Z')).toBe(1_500)
  expect(between('2026-11-27T12:00:01Z', '2026-11-27T12:00:00Z')).toBe(0)
  expect(between('2026-11-27T12:00:00Z', null)).toBeUndefined()
})

test('every group of acts, kind of actor and fault has words', () => {
  for (const group of GROUPS) expect(english).toHaveProperty([`audit.group_${group}`])
  expect(new Set([...KINDS, 'user', 'api_key'].map(actorWord)).size).toBe(5)
  expect(new Set(['changed', 'missing', 'out_of_place', 'not_the_head'].map(faultWord)).size).toBe(4)
})
