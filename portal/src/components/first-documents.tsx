// On the way to the first answer: what the agent may read. Nobody has to give it anything.
import { useInfiniteQuery } from '@tanstack/react-query'
import { documentsQuery } from '../api/queries'
import { stateOf } from '../lib/documents'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Uploader, Uploads } from './uploader'

export function FirstDocuments() {
  const say = useWords()
  const documents = useInfiniteQuery(documentsQuery)
  const items = documents.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <details className="panel">
      <summary>{say('onboarding.documents')}</summary>
      <p className="quiet">{say('onboarding.documents_text')}</p>
      <Uploader />
      <Uploads />
      {items.length > 0 && (
        <ul className="lines" aria-label={say('nav.knowledge')}>
          {items.map((document) => {
            const [word, mood] = stateOf(document)
            return (
              <li key={document.id}>
                <span>{document.title}</span>
                <Badge mood={mood}>{say(word)}</Badge>
              </li>
            )
          })}
        </ul>
      )}
    </details>
  )
}
