// What is tried: drafts that say only what differs, and cases that say what an answer must.
import { expect, test } from 'vitest'
import { ApiProblem } from '../api/client'
import type { AgentBody, CaseBody, ReplayBody } from '../api/schema'
import { caseOf, formOfCase, isInTheWay, isSomething, verdictOf } from './cases'
import { draftDifferences, draftOf, isAsItIs, NO_DRAFT } from './drafts'

const agent = { id: 'agt_1', name: 'Ada', role: '', tone: '', instructions: 'Be brief.', model: 'small', models: [], temperature: null, answer_tokens: null, tools: [], is_default: true, version: 1 } satisfies AgentBody

test('a draft says only what differs from the agent', () => {
  expect(isAsItIs(draftOf(NO_DRAFT, agent))).toBe(true)
  expect(draftOf({ model: ' small ', instructions: 'Be brief.', memory: true }, agent)).toEqual({})
  expect(draftOf({ model: 'large', instructions: '', memory: false }, agent)).toEqual({ model: 'large', instructions: '', memory: false })
  expect(draftOf({ model: '', instructions: 'Be long.', memory: true }, undefined)).toEqual({ instructions: 'Be long.' })
})

test('what was tried is told from the agent as it is', () => {
  expect(draftDifferences(agent, { model: null, instructions: null })).toEqual([])
  expect(draftDifferences(agent, { model: 'large', instructions: 'Be long.' }).map(({ field, after }) => [field, after])).toEqual([
    ['instructions', 'Be long.'],
    ['model', 'large'],
  ])
})

const CASE: CaseBody = { id: 'cas_1', name: 'Hotels', question: 'How much?', agent_id: null, must_contain: ['120', 'a night'], must_cite: [], must_escalate: false, blocks: true }

test('a case is the same after the form', () => {
  const { id: _, ...shape } = CASE
  expect(caseOf(formOfCase(CASE))).toEqual(shape)
})

test('empty lines say nothing, and who must be handed over gets no answer to look at', () => {
  const form = { ...formOfCase(undefined), contains: ' \n120 \n\n' }
  expect(caseOf(form).must_contain).toEqual(['120'])
  expect(isSomething(form)).toBe(true)
  expect(isSomething(formOfCase(undefined))).toBe(false)
  expect(caseOf({ ...form, escalates: true })).toMatchObject({ must_contain: [], must_cite: [], must_escalate: true })
})

test('what is awaited has neither passed nor failed', () => {
  const answer = { state: 'waiting' } as ReplayBody
  expect(verdictOf({ passed: false, answer })[0]).toBe('trial.waits')
  expect(verdictOf({ passed: false, answer: { ...answer, state: 'done' } })[0]).toBe('trial.failed')
})

test('a case that stands in the way is known by its code', () => {
  expect(isInTheWay(new ApiProblem(409, 'case_failed', 'The case `Hotels` has not passed.'))).toBe(true)
  expect(isInTheWay(new ApiProblem(409, 'changed_meanwhile', ''))).toBe(false)
})
