// /memory: what the agents remember. What is looked for, and the memory whose origin is shown, stand in the address.
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { memoriesQuery } from '../api/queries'
import type { MemoryBody } from '../api/schema'
import { useRights } from '../api/session'
import { ForgetMemory } from '../components/forget-memory'
import { MemoryOrigin } from '../components/memory-origin'
import { PageHead } from '../components/page-head'
import { audienceWord, excerptOf, placeOf } from '../lib/memories'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import type { MemorySearch } from '../lib/searches'
import { Badge, ChannelBadge } from '../ui/badge'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Asking, Empty } from '../ui/states'

const route = getRouteApi('/app/memory')

export function MemoryPage() {
  const say = useWords()
  const search = route.useSearch()
  const navigate = useNavigate()
  const list = useInfiniteQuery(memoriesQuery(search))
  const [forgotten, setForgotten] = useState<number | null>(null)
  const items = list.data?.pages.flatMap((page) => page.items) ?? []
  const go = (change: Partial<MemorySearch>) => void navigate({ to: '/memory', search: { ...search, ...change } })
  return (
    <main className="content">
      <PageHead title={say('nav.memory')} text={say('memory.text')} />
      <Finder key={search.q} search={search} onChange={go} named={items[0]?.author} />
      <p className="note good" role="status" hidden={forgotten === null}>
        {forgotten !== null && say('memory.forgotten', { characters: forgotten })}
      </p>
      <Asking query={list}>
        {() => (items.length === 0 ? <Nothing search={search} /> : <Memories items={items} onForgotten={setForgotten} onWhere={(memory) => go({ memory })} />)}
      </Asking>
      {list.hasNextPage && (
        <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {say('memory.more')}
        </Button>
      )}
      {search.memory && <MemoryOrigin id={search.memory} onClose={() => go({ memory: undefined })} />}
    </main>
  )
}

interface FinderProps {
  search: MemorySearch
  onChange: (change: Partial<MemorySearch>) => void
  /** Whose memories are shown, if they are one person's. */
  named: string | undefined
}

function Finder({ search, onChange, named }: FinderProps) {
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
      {(search.person || search.conversation || search.q) && (
        <p className="actions">
          {search.person && <Badge>{say('memory.only_person', { name: named ?? '…' })}</Badge>}
          {search.conversation && <Badge>{say('memory.only_conversation')}</Badge>}
          <Link to="/memory" search={{}}>
            {say('memory.all')}
          </Link>
        </p>
      )}
    </section>
  )
}

function Nothing({ search }: { search: MemorySearch }) {
  const say = useWords()
  const isFiltered = search.q || search.person || search.conversation
  return isFiltered ? (
    <Empty title={say('memory.no_match')}>
      <Link className="button" to="/memory" search={{}}>
        {say('memory.all')}
      </Link>
    </Empty>
  ) : (
    <Empty title={say('memory.empty')}>
      <p>{say('memory.empty_text')}</p>
    </Empty>
  )
}

interface MemoriesProps {
  items: MemoryBody[]
  onForgotten: (characters: number) => void
  onWhere: (id: string) => void
}

function Memories({ items, onForgotten, onWhere }: MemoriesProps) {
  const say = useWords()
  const { mayChange } = useRights()
  const [asked, setAsked] = useState<MemoryBody | null>(null)
  return (
    <>
      <ul className="lines panel memories">
        {items.map((memory) => (
          <li key={memory.id}>
            <span>
              <span className="said">{memory.text}</span>
              <span className="quiet">
                {memory.author} · {placeOf(memory, say)} ·{' '}
                <time dateTime={memory.said_at} title={moment(memory.said_at)}>
                  {ago(memory.said_at)}
                </time>
              </span>
            </span>
            <ChannelBadge channel={memory.channel} />
            <Badge>{say(audienceWord(memory.audience))}</Badge>
            <span className="actions">
              <Button look="quiet" aria-label={say('memory.where_of', { text: excerptOf(memory.text) })} onClick={() => onWhere(memory.id)}>
                {say('memory.where')}
              </Button>
              {mayChange && (
                <Button look="quiet" aria-label={say('memory.forget_of', { text: excerptOf(memory.text) })} onClick={() => setAsked(memory)}>
                  {say('memory.forget')}
                </Button>
              )}
            </span>
          </li>
        ))}
      </ul>
      {asked && <ForgetMemory memory={asked} onForgotten={onForgotten} onClose={() => setAsked(null)} />}
    </>
  )
}
