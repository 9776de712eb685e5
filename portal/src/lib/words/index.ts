// Every word of the portal, by key, in each language. `{name}` stands for a value.
import { useMemo } from 'react'
import { usePreferences, type Language } from '../preferences'
import { accountDe } from './account.de'
import { accountEn } from './account.en'
import { actingDe } from './acting.de'
import { actingEn } from './acting.en'
import { analyticsDe } from './analytics.de'
import { analyticsEn } from './analytics.en'
import { aroundDe } from './around.de'
import { aroundEn } from './around.en'
import { contactsDe } from './contacts.de'
import { contactsEn } from './contacts.en'
import { knowledgeDe } from './knowledge.de'
import { knowledgeEn } from './knowledge.en'
import { moneyDe } from './money.de'
import { moneyEn } from './money.en'
import { ownDe } from './own.de'
import { ownEn } from './own.en'
import { practiceDe } from './practice.de'
import { practiceEn } from './practice.en'
import { routinesDe } from './routines.de'
import { routinesEn } from './routines.en'
import { rulesDe } from './rules.de'
import { rulesEn } from './rules.en'
import { serversDe } from './servers.de'
import { serversEn } from './servers.en'
import { statusDe } from './status.de'
import { statusEn } from './status.en'
import { supportDe } from './support.de'
import { supportEn } from './support.en'
import { trustDe } from './trust.de'
import { trustEn } from './trust.en'
import { workDe } from './work.de'
import { workEn } from './work.en'

const en = { ...accountEn, ...workEn, ...rulesEn, ...actingEn, ...serversEn, ...ownEn, ...practiceEn, ...routinesEn, ...knowledgeEn, ...moneyEn, ...trustEn, ...statusEn, ...supportEn, ...analyticsEn, ...contactsEn, ...aroundEn }
export type Word = keyof typeof en
const de: Record<Word, string> = { ...accountDe, ...workDe, ...rulesDe, ...actingDe, ...serversDe, ...ownDe, ...practiceDe, ...routinesDe, ...knowledgeDe, ...moneyDe, ...trustDe, ...statusDe, ...supportDe, ...analyticsDe, ...contactsDe, ...aroundDe }
export const WORDS: Record<Language, Record<Word, string>> = { en, de }

type Values = Record<string, string | number>
export type Say = (word: Word, values?: Values) => string

export function sayIn(language: Language): Say {
  return (word, values = {}) =>
    WORDS[language][word].replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all))
}

export function useWords(): Say {
  const { language } = usePreferences()
  return useMemo(() => sayIn(language), [language])
}
