// The rows of the inbox. Only those in view are drawn; the next page is asked for before its place comes into view.
import { useEffect, useImperativeHandle, useRef, useState, type ReactNode, type Ref } from 'react'
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
  handle: Ref<ListHandle>
  children: ReactNode
}

export function ConversationList({ items, search, hasMore, isLoadingMore, onMore, handle, children }: ConversationListProps) {
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
  return (
    <div className="rows" ref={box}>
      {children}
      <ul>
        {before > 0 && <Spacer height={before} />}
        {items.slice(from, to).map((conversation, at) => (
          <ConversationRow key={conversation.id} conversation={conversation} search={search} position={from + at + 1} count={hasMore ? -1 : items.length} />
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

/** Room for rows that are not drawn. The policy allows no style in the page: an image of nothing has a height of its own. */
function Spacer({ height }: { height: number }) {
  return (
    <li role="presentation" aria-hidden="true" className="spacer">
      <svg width="1" height={height} focusable="false" />
    </li>
  )
}
