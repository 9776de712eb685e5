// /memory: what the agents remember: what people said, the facts drawn from it, and those that hold no longer. What is
// looked for, and the memory whose origin is shown, stand in the address.
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { memoriesQuery } from '../api/queries'
import { MemoryFinder } from '../components/memory-finder'
import { MemoryLines } from '../components/memory-lines'
import { MemoryOrigin } from '../components/memory-origin'
import { PageHead } from '../components/page-head'
import type { MemorySearch } from '../lib/searches'
import { useWords, type Word } from '../lib/words'
import { Button } from '../ui/button'
import { Asking, Empty } from '../ui/states'
import { Tabs } from '../ui/tabs'

const route = getRouteApi('/app/memory')
const VIEWS: [MemorySearch['view'], Word][] = [
  [undefined, 'memory.said'],
  ['facts', 'facts.holding'],
  ['closed', 'facts.closed'],
]

export function MemoryPage() {
  const say = useWords()
  const search = route.useSearch()
  const navigate = useNavigate()
  const list = useInfiniteQuery(memoriesQuery(search))
  const [told, setTold] = useState<string | null>(null)
  const items = list.data?.pages.flatMap((page) => page.items) ?? []
  const go = (change: Partial<MemorySearch>) => void navigate({ to: '/memory', search: { ...search, ...change } })
  return (
    <main className="content">
      <PageHead title={say('nav.memory')} text={say('memory.text')} />
      <Tabs label={say('memory.which')}>
        {VIEWS.map(([view, word]) => (
          <Link key={word} className="choice" to="/memory" search={{ ...search, view, memory: undefined }} activeOptions={{ exact: true, includeSearch: true }}>
            {say(word)}
          </Link>
        ))}
      </Tabs>
      <MemoryFinder key={search.q} search={search} onChange={go} example={items[0]} />
      <p className="note good" role="status" hidden={told === null}>
        {told}
      </p>
      <Asking query={list}>{() => (items.length === 0 ? <Nothing search={search} /> : <MemoryLines items={items} search={search} onTold={setTold} onWhere={(memory) => go({ memory })} />)}</Asking>
      {list.hasNextPage && (
        <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {say('memory.more')}
        </Button>
      )}
      {search.memory && <MemoryOrigin key={search.memory} id={search.memory} onTold={setTold} onClose={() => go({ memory: undefined })} />}
    </main>
  )
}

const EMPTY: Record<'said' | 'facts' | 'closed', [Word, Word]> = {
  said: ['memory.empty', 'memory.empty_text'],
  facts: ['facts.empty', 'facts.empty_text'],
  closed: ['facts.none_closed', 'facts.none_closed_text'],
}

function Nothing({ search }: { search: MemorySearch }) {
  const say = useWords()
  const isFiltered = search.q || search.person || search.conversation || search.place
  const [title, text] = EMPTY[search.view ?? 'said']
  return isFiltered ? (
    <Empty title={say('memory.no_match')}>
      <Link className="button" to="/memory" search={{ view: search.view }}>
        {say('memory.all')}
      </Link>
    </Empty>
  ) : (
    <Empty title={say(title)}>
      <p>{say(text)}</p>
    </Empty>
  )
}
