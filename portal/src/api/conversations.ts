// Keeps a long list of conversations fresh. Asking for all of its pages again with every change would cost the more the
// further somebody has scrolled: from a few pages on, only the first one is asked for, and put before what is known.
import { useQueryClient, type InfiniteData, type QueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { call } from './client'
import { every, type Again } from './events'
import { conversationsQuery, LIST_MS, LONG_PAGES, PAGE, RARELY_MS } from './queries'
import type { InboxSearch } from '../lib/searches'
import type { ConversationList } from './schema'

type Pages = InfiniteData<ConversationList, string | null>

/** The first page as it is now; what it pushed out comes next, and nothing stands there twice. */
export function withFirstPage(known: Pages, first: ConversationList): Pages {
  const fresh = new Set(first.items.map(({ id }) => id))
  const [before, ...rest] = known.pages.map((page) => ({ ...page, items: page.items.filter(({ id }) => !fresh.has(id)) }))
  const [second, ...others] = rest
  if (!before || !second) return { ...known, pages: [first] }
  return { ...known, pages: [first, { ...second, items: [...before.items, ...second.items] }, ...others] }
}

const isLong = (client: QueryClient): boolean => (client.getQueryData<Pages>(conversationsQuery.queryKey)?.pages.length ?? 0) > LONG_PAGES

/** After a change that an event told of. */
export async function freshen(client: QueryClient): Promise<void> {
  const { queryKey } = conversationsQuery
  await client.invalidateQueries({ queryKey, predicate: ({ queryKey: [, filter] }) => (filter ? !(filter as InboxSearch).q : !isLong(client)) })
  if (!isLong(client)) return
  const first = await call('GET /api/v1/conversations', { query: { limit: PAGE } })
  client.setQueryData<Pages>(queryKey, (known) => known && withFirstPage(known, first))
}

/** How whatever an event names is asked for again. */
export const again: Again = (client, queryKey) =>
  queryKey[0] === conversationsQuery.queryKey[0] ? freshen(client) : client.invalidateQueries({ queryKey })

/** A long list does not ask by itself: this does, for its first page. */
export function useFreshList(): void {
  const client = useQueryClient()
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    const interval = every(LIST_MS, RARELY_MS)
    const wait = () => {
      timer = setTimeout(() => {
        // A broken line is told by what is asked next.
        const asking = isLong(client) && !document.hidden ? freshen(client).catch(() => undefined) : Promise.resolve()
        void asking.finally(wait)
      }, interval())
    }
    wait()
    return () => clearTimeout(timer)
  }, [client])
}
