// Filters of the inbox. They choose among what is loaded: the API has no search of its own yet.
import type { RefObject } from 'react'
import { useWords } from '../lib/words'
import type { InboxSearch } from '../lib/searches'

interface InboxFiltersProps {
  search: InboxSearch
  onChange: (change: Partial<InboxSearch>) => void
  find: RefObject<HTMLInputElement | null>
}

export function InboxFilters({ search, onChange, find }: InboxFiltersProps) {
  const say = useWords()
  return (
    <div className="filters" role="search">
      <input
        ref={find}
        type="search"
        aria-label={say('inbox.find')}
        placeholder={say('inbox.find')}
        value={search.q ?? ''}
        onChange={(event) => onChange({ q: event.target.value || undefined })}
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
