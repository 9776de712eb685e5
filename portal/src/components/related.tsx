// What a conversation belongs to. It is asked for once somebody opens it.
import { lazy, Suspense, useState } from 'react'
import { useWords } from '../lib/words'
import { Loading } from '../ui/states'

const RelatedOpen = lazy(() => import('./related-open').then((module) => ({ default: module.RelatedOpen })))

export function Related({ conversationId }: { conversationId: string }) {
  const say = useWords()
  const [isOpen, setOpen] = useState(false)
  return (
    <details className="around" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{say('related.title')}</summary>
      {isOpen && (
        <Suspense fallback={<Loading lines={3} />}>
          <RelatedOpen conversationId={conversationId} />
        </Suspense>
      )}
    </details>
  )
}
