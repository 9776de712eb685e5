// Looking for memories: by words, by who said them, and by where.
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { MemoryBody } from '../api/schema'
import { placeOf } from '../lib/memories'
import type { MemorySearch } from '../lib/searches'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Field } from '../ui/field'

interface MemoryFinderProps {
  search: MemorySearch
  onChange: (change: Partial<MemorySearch>) => void
  /** One of those that are shown: it knows what the person or the channel of all of them is called. */
  example: MemoryBody | undefined
}

export function MemoryFinder({ search, onChange, example }: MemoryFinderProps) {
  const say = useWords()
  const [words, setWords] = useState(search.q ?? '')
  return (
    <section className="panel finder">
      <form
        className="form in-line"
        role="search"
        onSubmit={(event) => {
          event.preventDefault()
          onChange({ q: words.trim() || undefined })
        }}
      >
        <Field type="search" label={say('memory.find')} hint={say('memory.find_hint')} value={words} maxLength={200} onChange={(event) => setWords(event.target.value)} />
        <Button type="submit">{say('memory.search')}</Button>
      </form>
      {(search.person || search.conversation || search.place || search.q) && (
        <p className="actions">
          {search.person && <Badge>{say('memory.only_person', { name: example?.author ?? '…' })}</Badge>}
          {search.place && <Badge>{say('memory.only_place', { place: example ? placeOf(example, say) : '…' })}</Badge>}
          {search.conversation && <Badge>{say('memory.only_conversation')}</Badge>}
          <Link to="/memory" search={{ view: search.view }}>
            {say('memory.all')}
          </Link>
        </p>
      )}
    </section>
  )
}
