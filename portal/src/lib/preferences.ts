// Language and theme of this browser. Kept in the browser: they are no business of the account.
import { useSyncExternalStore } from 'react'

export type Language = 'en' | 'de'
export type Theme = 'system' | 'light' | 'dark'

export interface Preferences {
  language: Language
  theme: Theme
}

const KEY = 'konstruct.preferences'
const listeners = new Set<() => void>()
let current = read()

function read(): Preferences {
  const language: Language = navigator.language.toLowerCase().startsWith('de') ? 'de' : 'en'
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>
    return {
      language: kept.language === 'en' || kept.language === 'de' ? kept.language : language,
      theme: kept.theme === 'light' || kept.theme === 'dark' ? kept.theme : 'system',
    }
  } catch {
    return { language, theme: 'system' }
  }
}

export function preferences(): Preferences {
  return current
}

export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change }
  try {
    localStorage.setItem(KEY, JSON.stringify(current))
  } catch {
    // A browser that keeps nothing still shows it until the page is left.
  }
  applyPreferences()
  for (const listener of listeners) listener()
}

/** What the style sheet and screen readers go by. */
export function applyPreferences(): void {
  document.documentElement.lang = current.language
  if (current.theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = current.theme
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(onPreference, preferences)
}

/** Until what it answers is called. */
export function onPreference(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
