// Every word of the portal, by key. `{name}` stands for a value. English is always there, another language once it is chosen.
import { useMemo, useSyncExternalStore } from 'react'
import { onPreference, preferences, usePreferences, type Language } from '../preferences'
import { accountEn } from './account.en'
import { actingEn } from './acting.en'
import { analyticsEn } from './analytics.en'
import { aroundEn } from './around.en'
import { contactsEn } from './contacts.en'
import { knowledgeEn } from './knowledge.en'
import { moneyEn } from './money.en'
import { ownEn } from './own.en'
import { practiceEn } from './practice.en'
import { routinesEn } from './routines.en'
import { rulesEn } from './rules.en'
import { serversEn } from './servers.en'
import { statusEn } from './status.en'
import { supportEn } from './support.en'
import { trustEn } from './trust.en'
import { workEn } from './work.en'

export const english = { ...accountEn, ...workEn, ...rulesEn, ...actingEn, ...serversEn, ...ownEn, ...practiceEn, ...routinesEn, ...knowledgeEn, ...moneyEn, ...trustEn, ...statusEn, ...supportEn, ...analyticsEn, ...contactsEn, ...aroundEn }
export type Word = keyof typeof english
export type Words = Record<Word, string>
type Values = Record<string, string | number>
export type Say = (word: Word, values?: Values) => string

export function sayIn(words: Words): Say {
  return (word, values = {}) => words[word].replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all))
}

const known = new Map<Language, Words>([['en', english]])
const listeners = new Set<() => void>()

/** Whoever reads English loads nothing else. */
async function learn(language: Language): Promise<void> {
  if (known.has(language)) return
  known.set(language, (await import('./german')).german)
  for (const listener of listeners) listener()
}

/** From now on the pages speak the language that is chosen. Done when they do; without a line they go on in English. */
export function followLanguage(): Promise<void> {
  const follow = () => learn(preferences().language).catch(() => undefined)
  onPreference(() => void follow())
  return follow()
}

export function useWords(): Say {
  const { language } = usePreferences()
  const words = useSyncExternalStore(subscribe, () => known.get(language) ?? english)
  return useMemo(() => sayIn(words), [words])
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
