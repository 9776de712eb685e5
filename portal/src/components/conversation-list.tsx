// The rows of the inbox. Only those in view are drawn; the next page is asked for before its place comes into view.
import { useEffect, useImperativeHandle, useRef, useState, type MouseEvent, type ReactNode, type Ref } from 'react'
import type { ConversationBody } from '../api/schema'
import type { InboxSearch } from '../lib/searches'
import { useWindow } from '../lib/use-window'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { ConversationRow } from './conversation-row'

/** As in inbox.css: in the browser's own letters, which some people want larger. */
const ROW_REM = 7.25
/** Rows before the end at which more is asked for. */
const AHEAD = 20

export interface ListHandle {
  /** Brings a row into view. */
  show: (at: number) => void
}

interface ConversationListProps {
  items: ConversationBody[]
  search: InboxSearch
  hasMore: boolean
  isLoadingMore: boolean
  onMore: () => void
  onOpen: (conversation: ConversationBody) => void
  handle: Ref<ListHandle>
  children: ReactNode
}

export function ConversationList({ items, search, hasMore, isLoadingMore, onMore, onOpen, handle, children }: ConversationListProps) {
  const say = useWords()
  const box = useRef<HTMLDivElement>(null)
  const [rowPx] = useState(() => ROW_REM * (parseFloat(getComputedStyle(document.documentElement).fontSize) || 16))
  const { from, to, before, after, show } = useWindow(box, items.length, rowPx)
  useImperativeHandle(handle, () => ({ show }), [show])
  const isNearEnd = to >= items.length - AHEAD
  // A person who scrolls wants more; a list that is shorter than the screen asks for nothing by itself.
  const isScrolled = from > 0
  useEffect(() => {
    if (hasMore && isNearEnd && isScrolled && !isLoadingMore) onMore()
  }, [hasMore, isNearEnd, isScrolled, isLoadingMore, onMore])
  const follow = (event: MouseEvent<HTMLUListElement>) => {
    const id = event.target instanceof Element ? event.target.closest('a')?.dataset.id : undefined
    const chosen = items.find((conversation) => conversation.id === id)
    // A new tab, or whatever else the browser means by it.
    if (!chosen || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    onOpen(chosen)
  }
  return (
    <div className="rows" ref={box}>
      {children}
      <ul onClick={follow}>
        {before > 0 && <Spacer height={before} />}
        {items.slice(from, to).map((conversation, at) => (
          <ConversationRow key={conversation.id} conversation={conversation} href={hrefOf(conversation, search)} isOpen={search.conversation === conversation.id} position={from + at + 1} count={hasMore ? -1 : items.length} />
        ))}
        {after > 0 && <Spacer height={after} />}
      </ul>
      {hasMore && (
        <Button look="quiet" busy={isLoadingMore} onClick={onMore}>
          {say('inbox.older')}
        </Button>
      )}
    </div>
  )
}

function hrefOf({ id, found }: ConversationBody, { channel, who, q }: InboxSearch): string {
  const named = Object.entries({ conversation: id, channel, who, q, message: found?.message_id })
  const given = named.filter((pair): pair is [string, string] => pair[1] !== undefined)
  return `/inbox?${new URLSearchParams(given)}`
}

/** Room for rows that are not drawn. The policy allows no style in the page: an image of nothing has a height of its own. */
function Spacer({ height }: { height: number }) {
  return (
    <li role="presentation" aria-hidden="true" className="spacer">
      <svg width="1" height={height} focusable="false" />
    </li>
  )
}
