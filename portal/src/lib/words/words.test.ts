// Both languages say the same things about the same values.
import { expect, test } from 'vitest'
import { WORDS, sayIn, type Word } from '.'

const valuesIn = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort()

test('both languages have the same words with the same values', () => {
  expect(Object.keys(WORDS.de).sort()).toEqual(Object.keys(WORDS.en).sort())
  for (const word of Object.keys(WORDS.en) as Word[]) {
    expect(WORDS.de[word].trim(), word).not.toBe('')
    expect(valuesIn(WORDS.de[word]), word).toEqual(valuesIn(WORDS.en[word]))
  }
})

test('values are put in as they are', () => {
  expect(sayIn('en')('people.invited', { mail: '{name}$&@x' })).toContain('{name}$&@x has a link')
})
