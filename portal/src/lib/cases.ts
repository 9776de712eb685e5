// A case as a form: what its answer must say stands line by line.
import { ApiProblem } from '../api/client'
import type { CaseBody, CaseShape, TriedBody } from '../api/schema'
import type { Mood } from '../ui/badge'
import type { Word } from './words'

export interface CaseForm {
  name: string
  question: string
  /** Empty: it is for every agent. */
  agent: string
  contains: string
  cites: string
  /** A rule must hand it over; then there is no answer to look at. */
  escalates: boolean
  blocks: boolean
}

export function formOfCase(one: CaseBody | undefined): CaseForm {
  return {
    name: one?.name ?? '',
    question: one?.question ?? '',
    agent: one?.agent_id ?? '',
    contains: (one?.must_contain ?? []).join('\n'),
    cites: (one?.must_cite ?? []).join('\n'),
    escalates: one?.must_escalate ?? false,
    blocks: one?.blocks ?? false,
  }
}

const linesOf = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter(Boolean)

export function caseOf({ name, question, agent, contains, cites, escalates, blocks }: CaseForm): CaseShape {
  return {
    name: name.trim(),
    question: question.trim(),
    agent_id: agent || null,
    must_contain: escalates ? [] : linesOf(contains),
    must_cite: escalates ? [] : linesOf(cites),
    must_escalate: escalates,
    blocks,
  }
}

/** A case that nothing could fail is none. */
export const isSomething = ({ contains, cites, escalates }: CaseForm): boolean => escalates || linesOf(`${contains}\n${cites}`).length > 0

export function verdictOf({ passed, answer }: Pick<TriedBody, 'passed' | 'answer'>): [Word, Mood] {
  if (answer.state === 'waiting') return ['trial.waits', 'calm']
  return passed ? ['trial.passed', 'good'] : ['trial.failed', 'bad']
}

/** The gateway refuses an agent's change until the cases that block have passed with it. */
export const isInTheWay = (problem: unknown): boolean => problem instanceof ApiProblem && problem.code === 'case_failed'
