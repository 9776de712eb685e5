// What agents may do: tools as forms, approvals that hide nothing, versions that are compared, lists that are drawn in part.
import { describe, expect, test } from 'vitest'
import { ApiProblem } from '../api/client'
import type { ApprovalBody } from '../api/schema'
import { asSent, differences, lineDiff, merged, restorable, shapeOf } from './agents'
import { countdown, left, outcomeOf, plain, sentOf, withSeen } from './approvals'
import { sizeOf, stateOf, unfit } from './documents'
import { argumentsOf, fieldOf, hostOf, newArgument, schemaOf, twice, unfilled } from './tools'
import { windowOf } from './use-window'

const problem = (message: string, code = 'invalid_request') => new ApiProblem(400, code, message)

describe('a tool', () => {
  const schema = {
    type: 'object',
    properties: {
      desk: { type: 'string', enum: ['it', 'office'] },
      title: { type: 'string', description: 'What is broken', minLength: 1, maxLength: 200 },
      urgency: { type: 'integer', minimum: 1, maximum: 5 },
      loud: { type: 'boolean' },
    },
    required: ['desk', 'title'],
    additionalProperties: false,
  }

  test('goes through the form as it is stored', () => {
    expect(schemaOf(argumentsOf(schema))).toEqual(schema)
  })

  test('tells which places of its address nothing fills, and which arguments are one', () => {
    const args = [newArgument('desk'), { ...newArgument('id'), isRequired: false }]
    expect(unfilled('https://x.example/{desk}/{id}?q={id}', args)).toEqual(['id'])
    expect(twice(args)).toBeUndefined()
    expect(twice([...args, newArgument('desk ')])).toBe('desk')
    expect(hostOf('https://api.example.com:8443/a?b')).toBe('api.example.com:8443')
  })

  test('is refused at the field the sentence names', () => {
    expect(fieldOf(problem('`url`: The address must begin with https://.'))).toBe('url')
    expect(fieldOf(problem('`timeout_ms` must be 100 to 30000.'))).toBe('timeout_ms')
    expect(fieldOf(problem('A tool that only reads must be sent with `get` or `post`.'))).toBe('method')
    expect(fieldOf(problem('It leads inside.', 'address_refused'))).toBe('url')
    expect(fieldOf(problem('There is a tool of this name already.', 'conflict'))).toBe('name')
    expect(fieldOf(problem('There are 50 tools already: delete one first.', 'conflict'))).toBeUndefined()
    expect(fieldOf(new Error('x'))).toBeUndefined()
  })
})

describe('an approval', () => {
  const approval = (change: Partial<ApprovalBody>) => ({ id: 'apr_1', state: 'waiting', call_state: 'waiting', asked_at: '2026-11-27T05:00:00Z', ...change }) as ApprovalBody

  test('shows what would hide, and each argument apart', () => {
    expect(plain('pay \u202e100\u200b to\u2066 me\u{e0041}')).toBe('pay ⟨U+202E⟩100⟨U+200B⟩ to⟨U+2066⟩ me⟨U+E0041⟩')
    expect(plain('two\nlines and a\ttab, ünï <b>')).toBe('two\nlines and a\ttab, ünï <b>')
    expect(sentOf({ title: '17', count: 17 })).toEqual([
      { name: 'title', value: '17', isText: true },
      { name: 'count', value: '17', isText: false },
    ])
  })

  test('says how much time is left, never less than none', () => {
    expect(left('2026-11-27T05:00:00Z', Date.parse('2026-11-27T05:01:00Z'))).toBe(0)
    expect([countdown(0), countdown(59_001), countdown(15 * 60_000)]).toEqual(['0:00', '1:00', '15:00'])
  })

  test('tells what became of it, and not that all is well when nobody knows', () => {
    expect(outcomeOf({ state: 'used', call_state: 'done' })[0]).toBe('approvals.done')
    expect(outcomeOf({ state: 'used', call_state: 'unknown' })).toEqual(['approvals.unknown', 'bad'])
    expect(outcomeOf({ state: 'used', call_state: 'refused' })[0]).toBe('approvals.refused')
    expect(outcomeOf({ state: 'approved', call_state: 'waiting' })[0]).toBe('approvals.running')
    expect(outcomeOf({ state: 'denied', call_state: 'denied' })[0]).toBe('approvals.denied')
  })

  test('stays in sight when somebody else decides it', () => {
    const denied = approval({ state: 'denied' })
    const other = approval({ id: 'apr_2', state: 'denied' })
    const shown = withSeen([], [denied, other], new Set(['apr_1']))
    expect(shown).toEqual([denied])
    expect(withSeen([approval({})], [denied], new Set(['apr_1']))).toEqual([denied])
    expect(withSeen([approval({})], [], new Set())).toEqual([approval({})])
  })
})

describe('two who edit one agent', () => {
  const base = { ...shapeOf(undefined), tone: 'kind', instructions: 'One\nTwo\nThree' }

  test('see what differs, line by line', () => {
    expect(differences(base, { ...base, tone: 'brief', tools: ['tol_1'] }, () => 'open_ticket')).toEqual([
      { field: 'tone', word: 'agents.tone', before: 'kind', after: 'brief' },
      { field: 'tools', word: 'grants.title', before: '', after: 'open_ticket' },
    ])
    expect(lineDiff('One\nTwo\nThree', 'One\n2\nThree\nFour')).toEqual([['same', 'One'], ['gone', 'Two'], ['new', '2'], ['same', 'Three'], ['new', 'Four']])
  })

  test('take back what they leave blank', () => {
    const typed = { ...shapeOf(undefined), temperature: '0.3', answer_tokens: ' ' }
    expect(asSent(typed)).toMatchObject({ model: null, temperature: 0.3, answer_tokens: null })
  })

  test('take back what can still be had', () => {
    const former = { ...base, tools: ['calculator', 'tol_gone'], models: [{ llm_key: 'lky_gone', model: 'a' }, { llm_key: null, model: 'b' }] }
    expect(restorable(former, ['calculator'], [])).toEqual({ shape: { ...former, tools: ['calculator'], models: [{ llm_key: null, model: 'b' }] }, isWhole: false })
    expect(restorable(base, [], []).isWhole).toBe(true)
  })

  test('keep both, and of a field that both changed their own', () => {
    const mine = { ...base, role: 'support', tone: 'solemn' }
    const theirs = { ...base, tone: 'brief', tools: ['calculator'] }
    expect(merged(base, mine, theirs)).toEqual({ ...base, role: 'support', tone: 'solemn', tools: ['calculator'] })
  })
})

test('a long list is drawn around what is in view', () => {
  expect(windowOf(10_000, 100, 0, 500)).toEqual({ from: 0, to: 13, before: 0, after: 998_700 })
  expect(windowOf(10_000, 100, 500_000, 500)).toEqual({ from: 4_992, to: 5_013, before: 499_200, after: 498_700 })
  expect(windowOf(3, 100, 0, 500)).toEqual({ from: 0, to: 3, before: 0, after: 0 })
  expect(windowOf(0, 100, 500, 500)).toEqual({ from: 0, to: 0, before: 0, after: 0 })
})

test('documents say what they are, and what is not even sent', () => {
  expect(unfit({ name: 'a.PDF', size: 1 })).toBeNull()
  expect(unfit({ name: 'a.exe', size: 1 })).toBe('knowledge.file_kind')
  expect(unfit({ name: 'a.txt', size: 0 })).toBe('knowledge.file_empty')
  expect(unfit({ name: 'a.txt', size: 21 * 1024 * 1024 })).toBe('knowledge.file_large')
  expect(stateOf({ state: 'ready', reason: 'it has too many pages' })[0]).toBe('knowledge.partly')
  expect(sizeOf(1_500_000)).toMatch(/1[.,]5/)
})
