// The frame of the pages one sees before being signed in.
import type { ReactNode } from 'react'
import { prefer, usePreferences } from '../lib/preferences'
import { useWords } from '../lib/words'

export function CardPage({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  const say = useWords()
  const { language } = usePreferences()
  return (
    <div className="card-page">
      <main>
        <p className="brand">
          <img src="/favicon.svg" alt="" width="28" height="28" />
          Konstruct
        </p>
        <h1>{title}</h1>
        {lead && <p className="lead">{lead}</p>}
        {children}
      </main>
      <footer>
        <button
          type="button"
          className="link"
          lang={language === 'en' ? 'de' : 'en'}
          onClick={() => prefer({ language: language === 'en' ? 'de' : 'en' })}
        >
          {say('account.other_language')}
        </button>
      </footer>
    </div>
  )
}
