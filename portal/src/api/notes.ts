// Notes in a conversation: those beside the messages that are shown.
import { infiniteQueryOptions, useInfiniteQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { call } from './client'
import { every } from './events'
import { LIST_MS, PAGE, RARELY_MS } from './queries'
import type { MessageBody, NoteBody } from './schema'

export const notesQuery = (conversationId: string) =>
  infiniteQueryOptions({
    queryKey: ['notes', conversationId],
    queryFn: ({ pageParam }) =>
      call('GET /api/v1/conversations/{conversation_id}/notes', {
        path: { conversation_id: conversationId },
        query: { cursor: pageParam, limit: PAGE },
      }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
    refetchInterval: every(LIST_MS, RARELY_MS),
  })

/** From the oldest message that is shown on, oldest first; all of them where that is the first one. */
export function useNotes(conversationId: string, oldest: MessageBody | undefined, isFirst: boolean): { notes: NoteBody[]; error: Error | null } {
  const { data, error, hasNextPage, isFetching, fetchNextPage } = useInfiniteQuery(notesQuery(conversationId))
  const known = data?.pages.flatMap((page) => page.items) ?? []
  const since = isFirst ? -Infinity : oldest ? Date.parse(oldest.sent_at) : Infinity
  const last = known.at(-1)
  const isShort = hasNextPage && !isFetching && last !== undefined && Date.parse(last.created_at) >= since
  useEffect(() => {
    if (isShort) void fetchNextPage()
  }, [isShort, fetchNextPage])
  return { notes: known.filter((note) => Date.parse(note.created_at) >= since).reverse(), error }
}
