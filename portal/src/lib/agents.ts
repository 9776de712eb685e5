// What an agent is made of, as a form, and what differs between two of its states.
import type { AgentBody, AgentVersionBody, ModelBody } from '../api/schema'
import type { Word } from './words'

export interface Shape {
  role: string
  tone: string
  instructions: string
  model: string
  models: ModelBody[]
  /** As it is typed; blank: the provider's own, and the platform's. */
  temperature: string
  answer_tokens: string
  tools: string[]
}

export function shapeOf(agent: AgentBody | AgentVersionBody | undefined): Shape {
  return {
    role: agent?.role ?? '',
    tone: agent?.tone ?? '',
    instructions: agent?.instructions ?? '',
    model: agent?.model ?? '',
    models: agent?.models ?? [],
    temperature: agent?.temperature?.toString() ?? '',
    answer_tokens: agent?.answer_tokens?.toString() ?? '',
    tools: agent?.tools ?? [],
  }
}

/** As the API wants it: what is blank is taken back, but a model can be chosen, and not yet taken back. */
export function asSent(shape: Shape) {
  const number = (typed: string) => (typed.trim() === '' ? null : Number(typed))
  return { ...shape, model: shape.model.trim() || null, temperature: number(shape.temperature), answer_tokens: number(shape.answer_tokens) }
}

export interface Difference {
  field: keyof Shape
  word: Word
  before: string
  after: string
}

const FIELDS: [keyof Shape, Word][] = [
  ['role', 'agents.role'],
  ['tone', 'agents.tone'],
  ['instructions', 'agents.instructions'],
  ['model', 'agents.model'],
  ['models', 'chain.title'],
  ['temperature', 'agents.temperature'],
  ['answer_tokens', 'agents.answer_tokens'],
  ['tools', 'grants.title'],
]

/** `nameOf`: what a tool is called. */
export function written(shape: Shape, field: keyof Shape, nameOf: (tool: string) => string = (tool) => tool): string {
  const value = shape[field]
  if (field === 'models') return shape.models.map(({ model }) => model).join(' → ')
  return Array.isArray(value) ? shape.tools.map(nameOf).join(', ') : value
}

export function differences(before: Shape, after: Shape, nameOf?: (tool: string) => string): Difference[] {
  return FIELDS.filter(([field]) => JSON.stringify(before[field]) !== JSON.stringify(after[field])).map(([field, word]) => ({
    field,
    word,
    before: written(before, field, nameOf),
    after: written(after, field, nameOf),
  }))
}

/** Mine, with theirs wherever I changed nothing: what both changed stays mine. */
export function merged(base: Shape, mine: Shape, theirs: Shape): Shape {
  const isMine = (field: keyof Shape) => JSON.stringify(base[field]) !== JSON.stringify(mine[field])
  return Object.fromEntries(FIELDS.map(([field]) => [field, isMine(field) ? mine[field] : theirs[field]])) as unknown as Shape
}

/** What of a former version can still be had: tools and keys may be gone since, and the gateway would refuse all of it. */
export function restorable(former: Shape, tools: string[], keys: string[]): { shape: Shape; isWhole: boolean } {
  const shape = {
    ...former,
    tools: former.tools.filter((tool) => tools.includes(tool)),
    models: former.models.filter(({ llm_key: key }) => !key || keys.includes(key)),
  }
  return { shape, isWhole: shape.tools.length === former.tools.length && shape.models.length === former.models.length }
}

type Line = ['same' | 'gone' | 'new', string]

/** Lines of a text that are longer than this are compared whole. */
const LINES_MAX = 400

/** Line by line, by the longest common part. */
export function lineDiff(before: string, after: string): Line[] {
  const [one, other] = [before.split('\n'), after.split('\n')]
  if (one.length > LINES_MAX || other.length > LINES_MAX) return [...one.map((line): Line => ['gone', line]), ...other.map((line): Line => ['new', line])]
  const common = Array.from({ length: one.length + 1 }, () => new Array<number>(other.length + 1).fill(0))
  const at = (row: number, column: number) => common[row]?.[column] ?? 0
  for (let row = one.length - 1; row >= 0; row -= 1) {
    for (let column = other.length - 1; column >= 0; column -= 1) {
      const cells = common[row]
      if (cells) cells[column] = one[row] === other[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1))
    }
  }
  const lines: Line[] = []
  let [row, column] = [0, 0]
  while (row < one.length || column < other.length) {
    if (row < one.length && column < other.length && one[row] === other[column]) {
      lines.push(['same', one[row] ?? ''])
      row += 1
      column += 1
    } else if (column >= other.length || (row < one.length && at(row + 1, column) >= at(row, column + 1))) {
      lines.push(['gone', one[row] ?? ''])
      row += 1
    } else {
      lines.push(['new', other[column] ?? ''])
      column += 1
    }
  }
  return lines
}
