// /inbox: conversations of all channels, and the one that is open. What is filtered and open stands in the address.
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { useFreshList } from '../api/conversations'
import { conversationsQuery } from '../api/queries'
import { Conversation } from '../components/conversation'
import { ConversationRow } from '../components/conversation-row'
import { InboxFilters } from '../components/inbox-filters'
import { Notices } from '../components/notices'
import { ShortcutHelp } from '../components/shortcut-help'
import { matches, neighbour } from '../lib/conversations'
import { isOfSends } from '../lib/notices'
import { useShortcuts } from '../lib/use-shortcuts'
import { useWords } from '../lib/words'
import type { InboxSearch } from '../lib/searches'
import { Button } from '../ui/button'
import { Empty, Failed, Loading } from '../ui/states'

const route = getRouteApi('/app/inbox')

export function InboxPage() {
  const say = useWords()
  const search = route.useSearch()
  const navigate = useNavigate()
  const list = useInfiniteQuery(conversationsQuery)
  useFreshList()
  const [isHelpOpen, setHelpOpen] = useState(false)
  const find = useRef<HTMLInputElement>(null)

  const all = list.data?.pages.flatMap((page) => page.items) ?? []
  const shown = all.filter((conversation) => matches(conversation, search))
  const open = all.find(({ id }) => id === search.conversation)
  const go = (change: Partial<InboxSearch>, replace = true) =>
    void navigate({ to: '/inbox', search: { ...search, ...change }, replace })
  const step = (by: 1 | -1) => {
    const next = neighbour(shown.map(({ id }) => id), search.conversation, by)
    if (next !== undefined) go({ conversation: next, why: search.why && 'all' })
    document.getElementById(`row-${next}`)?.scrollIntoView({ block: 'nearest' })
  }
  useShortcuts({
    j: () => step(1),
    k: () => step(-1),
    '/': () => find.current?.focus(),
    '?': () => setHelpOpen(true),
    Escape: () => go(search.why ? { why: undefined } : { conversation: undefined }),
  })

  return (
    <main className={`inbox ${search.conversation ? 'one-open' : ''}`}>
      <h1 className="for-readers">{say('inbox.title')}</h1>
      <section className="inbox-list" aria-label={say('inbox.list')}>
        <header className="inbox-head">
          <h2>{say('inbox.list')}</h2>
          <Button look="quiet" onClick={() => setHelpOpen(true)} aria-label={say('inbox.shortcuts')} title={say('inbox.shortcuts')}>
            ?
          </Button>
        </header>
        <Notices about={isOfSends} />
        <InboxFilters search={search} onChange={go} find={find} />
        <div className="rows">
          {list.isPending && <Loading lines={6} />}
          {list.isError && all.length === 0 && <Failed problem={list.error} onRetry={() => void list.refetch()} />}
          {list.isSuccess && all.length === 0 && <NothingYet />}
          {all.length > 0 && shown.length === 0 && (
            <Empty title={say('inbox.no_match')}>
              <Button onClick={() => go({ channel: undefined, who: undefined, q: undefined })}>{say('inbox.clear')}</Button>
            </Empty>
          )}
          <ul>
            {shown.map((conversation) => (
              <ConversationRow key={conversation.id} conversation={conversation} search={search} />
            ))}
          </ul>
          {list.hasNextPage && (
            <Button look="quiet" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
              {say('inbox.older')}
            </Button>
          )}
        </div>
      </section>
      <section className="inbox-open" aria-label={say('inbox.conversation')}>
        {search.conversation ? (
          <Conversation
            key={search.conversation}
            id={search.conversation}
            about={open}
            why={search.why}
            onWhy={(why) => go({ why })}
            onClose={() => go({ conversation: undefined, why: undefined }, false)}
          />
        ) : (
          <Empty title={say('inbox.choose')}>{say('inbox.choose_text')}</Empty>
        )}
      </section>
      {isHelpOpen && <ShortcutHelp onClose={() => setHelpOpen(false)} />}
    </main>
  )
}

function NothingYet() {
  const say = useWords()
  return (
    <Empty title={say('inbox.empty')}>
      <p>{say('inbox.empty_text')}</p>
      <Link className="button primary" to="/onboarding" search={{ step: 1 }}>
        {say('inbox.empty_do')}
      </Link>
    </Empty>
  )
}
