// /knowledge: documents that the agents may read and cite, what became of each, and what an agent would find in them.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { agentsQuery, documentsQuery } from '../api/queries'
import type { AgentBody, DocumentBody } from '../api/schema'
import { useRights } from '../api/session'
import { DeleteDocument } from '../components/delete-document'
import { KnowledgeSearch } from '../components/knowledge-search'
import { PageHead } from '../components/page-head'
import { Uploader, Uploads } from '../components/uploader'
import { sizeOf, stateOf } from '../lib/documents'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Empty } from '../ui/states'

const route = getRouteApi('/app/knowledge')

export function KnowledgePage() {
  const say = useWords()
  const search = route.useSearch()
  const navigate = useNavigate()
  const { mayAdministrate } = useRights()
  const documents = useInfiniteQuery(documentsQuery)
  const items = documents.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <main className="content">
      <PageHead title={say('nav.knowledge')} text={say('knowledge.text')} />
      {mayAdministrate && <Uploader />}
      <Uploads />
      <Asking query={documents}>
        {() =>
          items.length === 0 ? (
            <Empty title={say('knowledge.empty')}>
              <p>{say(mayAdministrate ? 'knowledge.empty_text' : 'knowledge.empty_ask')}</p>
            </Empty>
          ) : (
            <>
              <KnowledgeSearch key={`${search.q} ${search.agent}`} search={search} onChange={(changed) => void navigate({ to: '/knowledge', search: changed })} />
              <Documents items={items} />
            </>
          )
        }
      </Asking>
      {documents.hasNextPage && (
        <Button busy={documents.isFetchingNextPage} onClick={() => void documents.fetchNextPage()}>
          {say('knowledge.more')}
        </Button>
      )}
    </main>
  )
}

function Documents({ items }: { items: DocumentBody[] }) {
  const { mayAdministrate } = useRights()
  const agents = useQuery(agentsQuery)
  const [asked, setAsked] = useState<DocumentBody | null>(null)
  return (
    <>
      <ul className="lines panel documents">
        {items.map((document) => (
          <Line key={document.id} document={document} agents={agents.data?.items} onDelete={mayAdministrate ? () => setAsked(document) : undefined} />
        ))}
      </ul>
      {asked && <DeleteDocument document={asked} onClose={() => setAsked(null)} />}
    </>
  )
}

function Line({ document, agents, onDelete }: { document: DocumentBody; agents: AgentBody[] | undefined; onDelete?: () => void }) {
  const say = useWords()
  const [word, mood] = stateOf(document)
  const isNamed = document.title !== document.name
  return (
    <li>
      <span>
        <strong>{document.title}</strong>
        <span className="quiet">
          {isNamed && `${document.name} · `}
          {sizeOf(document.size)} · <time dateTime={document.created_at} title={moment(document.created_at)}>{ago(document.created_at)}</time>
          {document.state === 'ready' && ` · ${say('knowledge.passages', { count: document.passages })}`}
        </span>
        <span className="quiet">
          {document.agent_ids.length === 0 ? say('knowledge.for_all') : say('knowledge.for_some', { names: namesOf(document.agent_ids, agents, say('knowledge.gone_agent')) })}
        </span>
        {document.reason && <span className={document.state === 'refused' ? 'reason bad' : 'reason'}>{say(document.state === 'refused' ? 'knowledge.because' : 'knowledge.but', { reason: document.reason })}</span>}
      </span>
      <Badge mood={mood}>{say(word)}</Badge>
      {onDelete && (
        <Button look="quiet" aria-label={say('knowledge.delete_of', { title: document.title })} onClick={onDelete}>
          {say('knowledge.delete')}
        </Button>
      )}
    </li>
  )
}

const namesOf = (ids: string[], agents: AgentBody[] | undefined, gone: string): string =>
  ids.map((id) => (agents ? (agents.find((agent) => agent.id === id)?.name ?? gone) : '…')).join(', ')
