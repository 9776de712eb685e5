// Small decisions of the pages.
import { describe, expect, test } from 'vitest'
import type { ConversationBody } from '../api/schema'
import { ownPath } from './searches'
import { browserOf } from './browsers'
import { neighbour, titleOf } from './conversations'
import { ago } from './time'

const conversation = (change: Partial<ConversationBody>): ConversationBody => ({
  id: 'cnv_1',
  connection_id: 'con_1',
  channel: 'slack',
  place: 'C1',
  place_name: '',
  kind: 'public',
  handler: 'agent',
  last_message_at: '2026-11-27T05:00:00Z',
  last_message: { author: 'Ada', author_kind: 'person', excerpt: 'Where are the numbers?' },
  ...change,
})

describe('a conversation in the list', () => {
  test('is called by its place, or by the person it is with', () => {
    expect(titleOf(conversation({ place_name: 'sales' }))).toBe('#sales')
    expect(titleOf(conversation({}))).toBe('C1')
    expect(titleOf(conversation({ kind: 'direct' }))).toBe('Ada')
  })

  test('has neighbours, and the ends hold', () => {
    const ids = ['a', 'b', 'c']
    expect(neighbour(ids, undefined, 1)).toBe('a')
    expect(neighbour(ids, 'a', 1)).toBe('b')
    expect(neighbour(ids, 'a', -1)).toBe('a')
    expect(neighbour(ids, 'c', 1)).toBe('c')
    expect(neighbour(ids, 'gone', -1)).toBe('a')
    expect(neighbour([], undefined, 1)).toBeUndefined()
  })
})

test('after signing in one comes to an address of ours only', () => {
  expect(ownPath('/people?tab=1')).toBe('/people?tab=1')
  for (const foreign of ['https://evil.example', '//evil.example/x', '/\\evil.example', 'javascript:alert(1)', 5, undefined]) {
    expect(ownPath(foreign), String(foreign)).toBeUndefined()
  }
})

test('how long ago is told in steps', () => {
  const now = Date.parse('2026-11-27T12:00:00Z')
  expect(ago('2026-11-27T11:59:30Z', now)).toBe('now')
  expect(ago('2026-11-27T11:57:00Z', now)).toMatch(/^3\s?m/)
  expect(ago('2026-11-26T12:00:00Z', now)).toMatch(/yesterday|1d ago/)
  expect(ago('2026-11-01T12:00:00Z', now)).toMatch(/Nov/)
})

test('a browser is named in two words', () => {
  expect(browserOf('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0')).toBe('Edge, Linux')
  expect(browserOf('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1')).toBe('Safari, iPhone')
  expect(browserOf('something')).toBeUndefined()
})
