// Both languages say the same things about the same values.
import { expect, test } from 'vitest'
import { english, sayIn, type Word } from '.'
import { german } from './german'

const valuesIn = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort()

test('both languages have the same words with the same values', () => {
  expect(Object.keys(german).sort()).toEqual(Object.keys(english).sort())
  for (const word of Object.keys(english) as Word[]) {
    expect(german[word].trim(), word).not.toBe('')
    expect(valuesIn(german[word]), word).toEqual(valuesIn(english[word]))
  }
})

test('values are put in as they are', () => {
  expect(sayIn(english)('people.invited', { mail: '{name}$&@x' })).toContain('{name}$&@x has a link')
})
