// Tools of the tenant's own as a form: arguments as lines instead of a schema, and where what the gateway refused belongs.
import { ApiProblem } from '../api/client'
import type { ToolBody } from '../api/schema'
import type { Word } from './words'

export const ARGUMENT_KINDS = ['string', 'integer', 'number', 'boolean'] as const
export type ArgumentKind = (typeof ARGUMENT_KINDS)[number]

/** One argument, as it is typed. */
export interface Argument {
  name: string
  kind: ArgumentKind
  description: string
  isRequired: boolean
  /** Of a text: the only ones it may be, separated by commas. */
  choices: string
  /** The shortest and longest text, or the smallest and largest number. */
  least: string
  most: string
}

export interface ToolForm {
  name: string
  description: string
  class: string
  method: string
  url: string
  header: string
  value: string
  timeoutMs: string
  enabled: boolean
}

export const METHODS = ['get', 'post', 'put', 'patch', 'delete']
const TIMEOUT_MS = 10_000

export const newArgument = (name = ''): Argument => ({ name, kind: 'string', description: '', isRequired: true, choices: '', least: '', most: '' })

export function formOfTool(tool: ToolBody | undefined): ToolForm {
  return {
    name: tool?.name ?? '',
    description: tool?.description ?? '',
    class: tool?.class ?? 'read',
    method: tool?.method ?? 'get',
    url: tool?.url ?? '',
    header: tool?.header ?? '',
    value: '',
    timeoutMs: String(tool?.timeout_ms ?? TIMEOUT_MS),
    enabled: tool?.enabled ?? true,
  }
}

interface Property {
  type?: ArgumentKind
  description?: string
  enum?: string[]
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
}

interface Schema {
  properties?: Record<string, Property>
  required?: string[]
}

const written = (value: number | undefined): string => (value === undefined ? '' : String(value))

/** As the gateway stores them. */
export function argumentsOf(schema: object | undefined): Argument[] {
  const { properties = {}, required = [] } = (schema ?? {}) as Schema
  return Object.entries(properties).map(([name, property]) => ({
    name,
    kind: property.type ?? 'string',
    description: property.description ?? '',
    isRequired: required.includes(name),
    choices: (property.enum ?? []).join(', '),
    least: written(property.minLength ?? property.minimum),
    most: written(property.maxLength ?? property.maximum),
  }))
}

const limit = (name: string, text: string): object => (text.trim() === '' || Number.isNaN(Number(text)) ? {} : { [name]: Number(text) })

function propertyOf({ kind, description, choices, least, most }: Argument): object {
  const about = { type: kind, ...(description.trim() !== '' && { description: description.trim() }) }
  if (kind === 'boolean') return about
  if (kind !== 'string') return { ...about, ...limit('minimum', least), ...limit('maximum', most) }
  const only = choices.split(',').map((choice) => choice.trim()).filter(Boolean)
  return { ...about, ...(only.length > 0 && { enum: only }), ...limit('minLength', least), ...limit('maxLength', most) }
}

export function schemaOf(args: Argument[]): object {
  return {
    type: 'object',
    properties: Object.fromEntries(args.map((one) => [one.name.trim(), propertyOf(one)])),
    required: args.filter(({ isRequired }) => isRequired).map(({ name }) => name.trim()),
    additionalProperties: false,
  }
}

/** Places of the address that no argument fills. */
export function unfilled(url: string, args: Argument[]): string[] {
  const places = [...url.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  return [...new Set(places)].filter((place) => !args.some(({ name, isRequired }) => name.trim() === place && isRequired))
}

/** Two arguments of one name would silently become one. */
export function twice(args: Argument[]): string | undefined {
  const names = args.map(({ name }) => name.trim())
  return names.find((name, at) => name !== '' && names.indexOf(name) !== at)
}

/** Where it leads, without what it asks there. */
export function hostOf(url: string): string {
  return url.match(/^\w+:\/\/([^/?]+)/)?.[1] ?? url
}

const FIELDS = ['name', 'description', 'class', 'method', 'url', 'arguments', 'header', 'value', 'timeout_ms'] as const
export type ToolField = (typeof FIELDS)[number]

/** The field that the gateway's sentence is about: it names it first, in backticks. */
export function fieldOf(problem: unknown): ToolField | undefined {
  if (!(problem instanceof ApiProblem)) return undefined
  if (problem.code === 'address_refused') return 'url'
  if (problem.code === 'secret_required') return 'value'
  if (problem.code === 'conflict' && /\bname\b/i.test(problem.message)) return 'name'
  const named = problem.message.match(/^`(\w+)`/)?.[1]
  if (problem.message.includes('only reads')) return 'method'
  return FIELDS.find((field) => field === named)
}

const BUILT_IN: Record<string, Word> = {
  calculator: 'tools.calculator',
  current_time: 'tools.current_time',
  escalate: 'tools.escalate',
  forget: 'tools.forget',
  follow_up: 'tools.follow_up',
  recall: 'tools.recall',
  search_knowledge: 'tools.search_knowledge',
  send_file: 'tools.send_file',
  remember: 'tools.remember',
}

/** What one of the product's own does; a newer gateway may have more than these pages know. */
export const builtInWord = (name: string): Word => BUILT_IN[name] ?? 'tools.built_in_other'
