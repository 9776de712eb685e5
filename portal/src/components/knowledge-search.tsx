// What an agent would find in the documents: the same search, under the same right to read, with what it would cite.
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { agentsQuery, passagesQuery } from '../api/queries'
import { scoreOf } from '../lib/traces'
import type { KnowledgeSearch as Search } from '../lib/searches'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field, Select } from '../ui/field'
import { Asking } from '../ui/states'

const QUESTION_MAX = 200

export function KnowledgeSearch({ search, onChange }: { search: Search; onChange: (search: Search) => void }) {
  const say = useWords()
  const agents = useQuery(agentsQuery)
  const [question, setQuestion] = useState(search.q ?? '')
  const known = agents.data?.items ?? []
  return (
    <section className="panel finder passages-finder">
      <form
        className="form in-line"
        role="search"
        onSubmit={(event) => {
          event.preventDefault()
          onChange({ ...search, q: question.trim() || undefined })
        }}
      >
        <Field type="search" label={say('knowledge.ask')} hint={say('knowledge.ask_hint')} value={question} maxLength={QUESTION_MAX} onChange={(event) => setQuestion(event.target.value)} />
        {known.length > 1 && (
          <Select label={say('knowledge.as_agent')} value={search.agent ?? ''} onChange={(event) => onChange({ ...search, agent: event.target.value || undefined })}>
            <option value="">{say('knowledge.as_any')}</option>
            {known.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        )}
        <Button type="submit">{say('knowledge.search')}</Button>
      </form>
      {search.q && <Found search={{ ...search, q: search.q }} onAll={() => onChange({})} />}
    </section>
  )
}

function Found({ search, onAll }: { search: Search & { q: string }; onAll: () => void }) {
  const say = useWords()
  const found = useQuery(passagesQuery(search))
  return (
    <div className="found" role="region" aria-label={say('knowledge.found')} aria-live="polite">
      <Asking query={found} lines={3}>
        {({ items, by_meaning: byMeaning }) => (
          <>
            {!byMeaning && <p className="note fair">{say('knowledge.words_only')}</p>}
            {items.length === 0 ? (
              <p className="quiet">{say('knowledge.found_none')}</p>
            ) : (
              <ol className="passages">
                {items.map(({ id, title, text, score }) => (
                  <li key={id}>
                    <blockquote className="said">{text}</blockquote>
                    <p className="quiet">
                      <cite>{title}</cite> · {say('knowledge.score', { score: scoreOf(score) })}
                    </p>
                  </li>
                ))}
              </ol>
            )}
          </>
        )}
      </Asking>
      <Button look="quiet" onClick={onAll}>
        {say('knowledge.search_end')}
      </Button>
    </div>
  )
}
