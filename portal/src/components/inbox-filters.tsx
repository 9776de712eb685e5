// Filters of the inbox. They are the gateway's: it looks through all conversations, and what was said in them.
import { useEffect, useRef, useState, type RefObject } from 'react'
import { useWords } from '../lib/words'
import type { InboxSearch } from '../lib/searches'

/** Whoever types has not finished yet. */
const TYPING_MS = 300
/** As the gateway. */
const CHARS_MAX = 200

interface InboxFiltersProps {
  search: InboxSearch
  onChange: (change: Partial<InboxSearch>) => void
  find: RefObject<HTMLInputElement | null>
  isBusy: boolean
}

export function InboxFilters({ search, onChange, find, isBusy }: InboxFiltersProps) {
  const say = useWords()
  const [words, setWords] = useState(search.q ?? '')
  const [before, setBefore] = useState(search.q)
  const [sent, setSent] = useState(search.q)
  if (search.q !== before) {
    setBefore(search.q)
    // Something else changed the address: the browser's buttons, or a press on “clear”.
    if (search.q !== sent) setWords(search.q ?? '')
  }
  const latest = useRef(onChange)
  useEffect(() => {
    latest.current = onChange
  })
  const q = words.trim() || undefined
  useEffect(() => {
    if (q === search.q) return undefined
    const timer = setTimeout(() => {
      setSent(q)
      latest.current({ q })
    }, TYPING_MS)
    return () => clearTimeout(timer)
  }, [q, search.q])
  return (
    <div className="filters" role="search" aria-busy={isBusy || undefined}>
      <input
        ref={find}
        type="search"
        aria-label={say('inbox.find')}
        placeholder={say('inbox.find')}
        value={words}
        maxLength={CHARS_MAX}
        onChange={(event) => setWords(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
      />
      <select
        aria-label={say('inbox.who')}
        value={search.who ?? ''}
        onChange={(event) => onChange({ who: (event.target.value || undefined) as InboxSearch['who'] })}
      >
        <option value="">{say('inbox.who_any')}</option>
        <option value="waiting">{say('inbox.who_waiting')}</option>
        <option value="human">{say('inbox.who_human')}</option>
        <option value="agent">{say('inbox.who_agent')}</option>
      </select>
      <select
        aria-label={say('inbox.channel')}
        value={search.channel ?? ''}
        onChange={(event) => onChange({ channel: (event.target.value || undefined) as InboxSearch['channel'] })}
      >
        <option value="">{say('inbox.channel_any')}</option>
        <option value="slack">Slack</option>
        <option value="whatsapp">WhatsApp</option>
      </select>
    </div>
  )
}
