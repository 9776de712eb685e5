// Rules between their line and their form.
import { expect, test } from 'vitest'
import { ApiProblem } from '../api/client'
import { colourOf, formOf, lineOf, newPart, stumbleOf, tokensOf } from './rules'

test('a form becomes a line, and the line the same form again', () => {
  const form = {
    join: 'and' as const,
    parts: [
      { ...newPart('words'), words: 'refund*, charge back' },
      { ...newPart('failed_attempts'), sign: '>=' as const, number: 2 },
      { ...newPart('language'), not: true, languages: ['de', 'fr'] },
      newPart('billing'),
      newPart('asks_for_human'),
      newPart('sentiment'),
      { ...newPart('confidence'), not: true, value: 'high' },
      newPart('vip'),
    ],
  }
  const line =
    'keyword in (refund*, "charge back") and failed_attempts >= 2 and not language in (de, fr) and keyword and asks_for_human' +
    ' and sentiment = negative and not confidence = high and vip'
  expect(lineOf(form)).toBe(line)
  expect(formOf(line)).toEqual(form)
})

test('what people write by hand is read as far as the form knows it', () => {
  expect(formOf('refund')?.parts).toEqual([{ ...newPart('words'), words: 'refund' }])
  expect(formOf('KEYWORD AND count > 3')?.parts.map(({ fact }) => fact)).toEqual(['billing', 'count'])
  expect(formOf('keyword = refund OR language = de')?.join).toBe('or')
  expect(formOf('"and then" or not lawyer')?.parts).toEqual([
    { ...newPart('words'), words: 'and then' },
    { ...newPart('words'), not: true, words: 'lawyer' },
  ])
})

test('what the form does not know stays a line', () => {
  for (const line of ['lawyer or (language = de and anwalt)', 'a and b or c', 'count >', 'refund and', '', '§', 'keyword in (a, )', 'not', 'sentiment = bad', 'sentiment in (neutral, positive)', 'confidence', 'hours = open', 'refund and hours', 'cost > 2']) {
    expect(formOf(line), line).toBeNull()
  }
})

test('a form that lacks something is no line, and no quotation mark gets out of a word', () => {
  expect(lineOf({ join: 'and', parts: [newPart()] })).toBeNull()
  expect(lineOf({ join: 'and', parts: [{ ...newPart('language'), languages: [] }] })).toBeNull()
  expect(lineOf({ join: 'and', parts: [{ ...newPart('count'), number: Number.NaN }] })).toBeNull()
  expect(lineOf({ join: 'or', parts: [{ ...newPart(), words: 'a" or keyword, and,not,vip' }] })).toBe('keyword in ("a or keyword", "and", "not", "vip")')
})

test('tokens know where they stand and what they are', () => {
  expect(tokensOf('ä and  "b c"')).toEqual([
    { text: 'ä', at: 0 },
    { text: 'and', at: 2 },
    { text: '"b c"', at: 7 },
  ])
  expect(tokensOf('"open')).toBeNull()
  expect(['AND', 'count', '"x"', '12', 'refund'].map(colourOf)).toEqual(['join', 'fact', 'quoted', 'number', 'plain'])
})

test('the gateway’s column is found in its sentence', () => {
  const problem = new ApiProblem(400, 'invalid_request', '`condition`: Column 12: a closing parenthesis is missing.')
  expect(stumbleOf(problem)).toEqual({ column: 12, text: 'a closing parenthesis is missing.' })
  expect(stumbleOf(new ApiProblem(400, 'invalid_request', '`name` must have 1 to 80 characters.'))).toBeNull()
  expect(stumbleOf(null)).toBeNull()
})
