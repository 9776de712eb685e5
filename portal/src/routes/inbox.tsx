// /inbox: conversations of all channels, and the one that is open. What is filtered and open stands in the address.
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useCallback, useRef, useState } from 'react'
import { useFreshList } from '../api/conversations'
import { conversationsQuery, fittingQuery } from '../api/queries'
import type { ConversationBody } from '../api/schema'
import { Conversation } from '../components/conversation'
import { ConversationList, type ListHandle } from '../components/conversation-list'
import { InboxFilters } from '../components/inbox-filters'
import { Notices } from '../components/notices'
import { ShortcutHelp } from '../components/shortcut-help'
import { isFiltered, neighbour } from '../lib/conversations'
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
  const isSome = isFiltered(search)
  const every = useInfiniteQuery({ ...conversationsQuery, enabled: !isSome })
  const some = useInfiniteQuery({ ...fittingQuery(search), enabled: isSome })
  const list = isSome ? some : every
  useFreshList()
  const [isHelpOpen, setHelpOpen] = useState(false)
  const find = useRef<HTMLInputElement>(null)
  const rows = useRef<ListHandle>(null)

  const items = list.data?.pages.flatMap((page) => page.items) ?? []
  const go = (change: Partial<InboxSearch>, replace = true) =>
    void navigate({ to: '/inbox', search: { ...search, message: undefined, ...change }, replace, resetScroll: false })
  const step = (by: 1 | -1) => {
    const ids = items.map(({ id }) => id)
    const next = neighbour(ids, search.conversation, by)
    if (next === undefined) return
    const at = ids.indexOf(next)
    go({ conversation: next, message: items[at]?.found?.message_id, why: search.why && 'all', fork: undefined })
    rows.current?.show(at)
  }
  useShortcuts({
    j: () => step(1),
    k: () => step(-1),
    '/': () => find.current?.focus(),
    '?': () => setHelpOpen(true),
    Escape: () => go(search.fork ? { fork: undefined } : search.why ? { why: undefined } : { conversation: undefined }),
  })
  const open = (chosen: ConversationBody) => go({ conversation: chosen.id, message: chosen.found?.message_id, why: undefined, fork: undefined }, false)
  const { fetchNextPage } = list
  const more = useCallback(() => void fetchNextPage(), [fetchNextPage])

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
        <InboxFilters search={search} onChange={go} find={find} isBusy={isSome && list.isFetching && !list.isFetchingNextPage} />
        <ConversationList items={items} search={search} hasMore={list.hasNextPage} isLoadingMore={list.isFetchingNextPage} onMore={more} onOpen={open} handle={rows}>
          {list.isPending && <Loading lines={6} />}
          {list.isError && items.length === 0 && <Failed problem={list.error} onRetry={() => void list.refetch()} />}
          {list.isSuccess && items.length === 0 && !isSome && <NothingYet />}
          {list.isSuccess && items.length === 0 && isSome && !list.isPlaceholderData && (
            <Empty title={say('inbox.no_match')}>
              <Button onClick={() => go({ channel: undefined, who: undefined, q: undefined })}>{say('inbox.clear')}</Button>
            </Empty>
          )}
        </ConversationList>
      </section>
      <section className="inbox-open" aria-label={say('inbox.conversation')}>
        {search.conversation ? (
          <Conversation
            key={search.conversation}
            id={search.conversation}
            known={items.find(({ id }) => id === search.conversation)}
            message={search.message}
            why={search.why}
            onWhy={(why) => go({ why, fork: undefined })}
            fork={search.fork}
            onFork={(fork) => go({ fork, why: undefined }, false)}
            onClose={() => go({ conversation: undefined, why: undefined, fork: undefined }, false)}
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
