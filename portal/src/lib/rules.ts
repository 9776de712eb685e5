// Between a rule's line and the form that builds one. The form knows facts beside each other; what is nested stays a line.
import { ApiProblem } from '../api/client'
import type { Word } from './words'

export const FACTS = ['words', 'billing', 'count', 'failed_attempts', 'asks_for_human', 'sentiment', 'confidence', 'language', 'vip'] as const
export type Fact = (typeof FACTS)[number]

export const SIGNS = ['>', '>=', '<', '<=', '=', '!='] as const
export type Sign = (typeof SIGNS)[number]

export const LANGUAGES = ['en', 'de', 'fr', 'es', 'pt'] as const

/** Facts that are one of a few values. */
export const VALUES = { sentiment: ['negative', 'neutral', 'positive'], confidence: ['low', 'high'] } as const
export type Valued = keyof typeof VALUES

export const isValued = (fact: Fact): fact is Valued => fact in VALUES

export interface Part {
  fact: Fact
  not: boolean
  /** Of `words`, as they are typed: between commas. */
  words: string
  sign: Sign
  number: number
  languages: string[]
  /** Of facts that have values. */
  value: string
}

export interface RuleForm {
  join: 'and' | 'or'
  parts: Part[]
}

export const newPart = (fact: Fact = 'words'): Part => ({ fact, not: false, words: '', sign: '>', number: 2, languages: ['en'], value: isValued(fact) ? VALUES[fact][0] : '' })

export const factWord = (fact: Fact): Word => `rules.fact_${fact}`

const isNumber = (fact: Fact): fact is 'count' | 'failed_attempts' => fact === 'count' || fact === 'failed_attempts'

/** Its line in the language, or `null` while something is missing. */
export function lineOf({ join, parts }: RuleForm): string | null {
  const lines = parts.map(partLine)
  return lines.length > 0 && lines.every((line) => line !== null) ? lines.join(` ${join} `) : null
}

function partLine(part: Part): string | null {
  const line = factLine(part)
  return line !== null && part.not ? `not ${line}` : line
}

function factLine({ fact, words, sign, number, languages, value }: Part): string | null {
  if (isValued(fact)) return `${fact} = ${value || VALUES[fact][0]}`
  if (isNumber(fact)) return Number.isInteger(number) && number >= 0 ? `${fact} ${sign} ${number}` : null
  switch (fact) {
    case 'words': {
      const named = words.split(',').map((word) => word.replaceAll('"', '').trim()).filter(Boolean)
      return named.length > 0 ? `keyword in (${named.map(quoted).join(', ')})` : null
    }
    case 'language':
      return languages.length > 0 ? `language in (${languages.join(', ')})` : null
    case 'billing':
      return 'keyword'
    default:
      return fact
  }
}

const NAMES = /^(and|or|not|in|keywords?|count|failed_attempts|asks_for_human|language|sentiment|confidence|hours|cost|silence|vip)$/i

/** Words that mean something in the language stand in quotation marks. */
const quoted = (word: string): string =>
  /^[\p{L}\p{N}]+\*?$/u.test(word) && !NAMES.test(word) ? word : `"${word}"`

const TOKEN = /\s*(?:("[^"]*")|([()])|(,)|(>=|<=|!=|==|[<>=])|([\p{L}\p{N}\p{M}_\-'’*]+))/uy

/** The tokens of a line with where they stand, for reading and for colouring; `null`: something has no meaning. */
export function tokensOf(line: string): { text: string; at: number }[] | null {
  const tokens = []
  TOKEN.lastIndex = 0
  while (line.slice(TOKEN.lastIndex).trim() !== '') {
    const found = TOKEN.exec(line)
    if (!found) return null
    const text = found[0].trimStart()
    tokens.push({ text, at: TOKEN.lastIndex - text.length })
  }
  return tokens
}

/** The form of a line, if it is one: facts that are joined by `and` alone or by `or` alone. */
export function formOf(line: string): RuleForm | null {
  const left = (tokensOf(line) ?? []).map(({ text }) => text)
  const joins = new Set<string>()
  const parts: Part[] = []
  while (left.length > 0) {
    const part = readPart(left)
    if (!part) return null
    parts.push(part)
    if (left.length === 0) break
    joins.add((left.shift() ?? '').toLowerCase())
    if (left.length === 0) return null
  }
  const [join = 'and'] = joins
  if (parts.length === 0 || joins.size > 1 || (join !== 'and' && join !== 'or')) return null
  return { join, parts }
}

function readPart(left: string[]): Part | null {
  const not = isNext(left, 'not')
  const word = left.shift()
  if (word === undefined || /^[(),<>=!]/.test(word)) return null
  const name = word.toLowerCase()
  if (name === 'count' || name === 'failed_attempts') {
    const sign = (left.shift() ?? '').replace('==', '=')
    const number = left.shift() ?? ''
    return SIGNS.includes(sign as Sign) && /^\d+$/.test(number) ? { ...newPart(name), not, sign: sign as Sign, number: Number(number) } : null
  }
  if (name === 'asks_for_human' || name === 'vip') return { ...newPart(name), not }
  if (name === 'sentiment' || name === 'confidence') {
    const [value, ...others] = readValues(left)?.map((one) => one.toLowerCase()) ?? []
    const isKnown = others.length === 0 && VALUES[name].some((known) => known === value)
    return isKnown && value !== undefined ? { ...newPart(name), not, value } : null
  }
  if (name === 'language') {
    const languages = readValues(left)
    return languages ? { ...newPart('language'), not, languages: languages.map((code) => code.toLowerCase()) } : null
  }
  if (name === 'keyword' || name === 'keywords') {
    if (left[0] !== '=' && left[0] !== '==' && left[0]?.toLowerCase() !== 'in') return { ...newPart('billing'), not }
    const words = readValues(left)
    return words ? { ...newPart('words'), not, words: words.join(', ') } : null
  }
  // Also facts the form has no fields for: they are no words.
  if (NAMES.test(name)) return null
  return { ...newPart('words'), not, words: bare(word) }
}

function isNext(left: string[], word: string): boolean {
  const is = left[0]?.toLowerCase() === word
  if (is) left.shift()
  return is
}

/** What follows `=` or `in (…)`. */
function readValues(left: string[]): string[] | null {
  const sign = left.shift()?.toLowerCase()
  if (sign === '=' || sign === '==') {
    const value = left.shift()
    return value === undefined ? null : [bare(value)]
  }
  if (sign !== 'in' || left.shift() !== '(') return null
  const values = []
  for (;;) {
    const value = left.shift()
    if (value === undefined || /^[(),]/.test(value)) return null
    values.push(bare(value))
    const next = left.shift()
    if (next === ')') return values
    if (next !== ',') return null
  }
}

const bare = (text: string): string => text.replaceAll('"', '')

const WORDS_OF_THE_LANGUAGE = /^(and|or|not|in)$/i

export type Colour = 'join' | 'fact' | 'quoted' | 'number' | 'plain'

export function colourOf(token: string): Colour {
  if (token.startsWith('"')) return 'quoted'
  if (WORDS_OF_THE_LANGUAGE.test(token)) return 'join'
  if (NAMES.test(token)) return 'fact'
  return /^\d+$/.test(token) ? 'number' : 'plain'
}

/** Where the gateway stumbled, from 1, and over what. */
export function stumbleOf(problem: unknown): { column: number; text: string } | null {
  if (!(problem instanceof ApiProblem)) return null
  const found = /^`condition`: Column (\d+): (.+)$/s.exec(problem.message)
  return found ? { column: Number(found[1]), text: found[2] ?? '' } : null
}
