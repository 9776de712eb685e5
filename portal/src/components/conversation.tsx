// The open conversation: who said what, who answers, and answering oneself.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { call } from '../api/client'
import { useNotes } from '../api/notes'
import { conversationQuery, conversationsQuery, messagesQuery } from '../api/queries'
import type { ConversationBody, MessageBody } from '../api/schema'
import { useRights } from '../api/session'
import { titleOf } from '../lib/conversations'
import { useShortcuts } from '../lib/use-shortcuts'
import { useWords } from '../lib/words'
import { Badge, ChannelBadge } from '../ui/badge'
import { Button } from '../ui/button'
import { Icon } from '../ui/icon'
import { Empty, Failed, Loading, Problem } from '../ui/states'
import { Composer } from './composer'
import { ForkList } from './fork-list'
import { Messages } from './messages'
import { Related } from './related'

// Not needed to read on and to answer.
const BeginFork = lazy(() => import('./begin-fork').then((module) => ({ default: module.BeginFork })))
const EscalationNote = lazy(() => import('./escalation-note').then((module) => ({ default: module.EscalationNote })))
const Fork = lazy(() => import('./fork').then((module) => ({ default: module.Fork })))
const Why = lazy(() => import('./why').then((module) => ({ default: module.Why })))

/** A thousand messages back. */
const POINTED_PAGES_MAX = 20

interface ConversationProps {
  id: string
  /** Its line in the list, if it stands there: shown until the gateway told more. */
  known: ConversationBody | undefined
  /** The message that is pointed at. */
  message: string | undefined
  /** The run it is asked why of, or `all`. */
  why: string | undefined
  onWhy: (why: string | undefined) => void
  /** The side conversation that is shown instead. */
  fork: string | undefined
  onFork: (fork: string | undefined) => void
  onClose: () => void
}

export function Conversation({ id, known, message, why, onWhy, fork, onFork, onClose }: ConversationProps) {
  const say = useWords()
  const { data: about = known } = useQuery(conversationQuery(id))
  const { mayChange } = useRights()
  const isByHuman = about?.handler === 'human'
  const handOver = useHandOver(id, isByHuman)
  const [beginAt, setBeginAt] = useState<MessageBody>()
  const mayHandOver = mayChange && about !== undefined
  const toggleWhy = () => onWhy(why ? undefined : 'all')
  useShortcuts({ w: toggleWhy, ...(mayHandOver && { t: () => handOver.mutate() }) })

  return (
    <article className="conversation">
      <header className="conversation-head">
        <Button look="quiet" className="back" onClick={onClose} aria-label={say('inbox.back')}>
          <Icon name="back" />
        </Button>
        <div>
          <h2>{about ? titleOf(about) : say('inbox.conversation')}</h2>
          <p className="quiet">
            {about && <ChannelBadge channel={about.channel} />}
            <Badge mood={isByHuman ? 'good' : 'calm'}>{isByHuman ? say('inbox.human_answers') : say('inbox.agent_answers')}</Badge>
          </p>
        </div>
        <Button aria-pressed={why !== undefined} onClick={toggleWhy}>
          {say('why.button')}
        </Button>
        {mayHandOver && (
          <Button look={isByHuman ? 'plain' : 'primary'} busy={handOver.isPending} onClick={() => handOver.mutate()}>
            {isByHuman ? say('inbox.release') : say('inbox.take_over')}
          </Button>
        )}
      </header>
      <Problem of={handOver.error} />
      <Suspense>{about && (isByHuman || about.waiting_since) && <EscalationNote about={about} />}</Suspense>
      <ForkList conversationId={id} shown={fork} />
      <Related conversationId={id} />
      <Suspense fallback={<Loading />}>
        {beginAt && (
          <BeginFork
            conversationId={id}
            at={beginAt}
            onClose={() => setBeginAt(undefined)}
            onBegun={(begun) => {
              setBeginAt(undefined)
              onFork(begun.id)
            }}
          />
        )}
        {fork && <Fork key={fork} id={fork} onWhy={onWhy} onClose={() => onFork(undefined)} />}
      </Suspense>
      {/* What is half typed stays while a side conversation is looked at. */}
      <div className="talk" hidden={fork !== undefined}>
        <Talk id={id} about={about} message={message} why={why} onWhy={onWhy} onTry={setBeginAt} />
      </div>
    </article>
  )
}

interface TalkProps extends Pick<ConversationProps, 'id' | 'message' | 'why' | 'onWhy'> {
  about: ConversationBody | undefined
  onTry: (message: MessageBody) => void
}

/** What was said, why, and answering. */
function Talk({ id, about, message, why, onWhy, onTry }: TalkProps) {
  const say = useWords()
  const messages = useInfiniteQuery(messagesQuery(id))
  const { mayChange } = useRights()
  const items = messages.data?.pages.flatMap((page) => page.items).reverse() ?? []
  const { notes, error: unknown } = useNotes(id, items[0], messages.isSuccess && !messages.hasNextPage)
  const end = useEndInView(message ? undefined : [items.at(-1)?.id, notes.at(-1)?.id].join())
  usePointed(message, items.some((one) => one.id === message), messages)
  // Only what an agent has answered can go on with one.
  const mayTry = mayChange && items.some(({ run_id: run }) => run)
  return (
    <>
      <div className={`conversation-body ${why ? 'explained' : ''}`}>
        <div className="messages" tabIndex={0} role="region" aria-label={say('inbox.messages')}>
          {messages.isPending && <Loading lines={5} />}
          {messages.isError && items.length === 0 && <Failed problem={messages.error} onRetry={() => void messages.refetch()} />}
          {messages.isSuccess && items.length + notes.length === 0 && <Empty title={say('inbox.silent')}>{null}</Empty>}
          {messages.hasNextPage && (
            <Button look="quiet" busy={messages.isFetchingNextPage} onClick={() => void messages.fetchNextPage()}>
              {say('inbox.earlier')}
            </Button>
          )}
          <Problem of={unknown} />
          <Messages items={items} notes={notes} conversationId={id} pointed={message} onWhy={onWhy} onFork={mayTry ? onTry : undefined} />
          <div ref={end} />
        </div>
        {why && (
          <Suspense fallback={<Loading />}>
            <Why conversationId={id} of={why} onClose={() => onWhy(undefined)} />
          </Suspense>
        )}
      </div>
      <Composer id={id} about={about} />
    </>
  )
}

function useHandOver(id: string, isByHuman: boolean) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () =>
      isByHuman
        ? call('POST /api/v1/conversations/{conversation_id}/release', { path: { conversation_id: id } })
        : call('POST /api/v1/conversations/{conversation_id}/takeover', { path: { conversation_id: id } }),
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: conversationsQuery.queryKey }), client.invalidateQueries({ queryKey: ['conversation', id] })]),
  })
}

/** The latest message comes into view when it arrives; who scrolled up to read is left there. */
function useEndInView(latest: string | undefined) {
  const end = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const box = end.current?.parentElement
    if (!box || latest === undefined) return
    const isFirst = box.scrollTop === 0
    const isNearEnd = box.scrollHeight - box.scrollTop - box.clientHeight < box.clientHeight / 2
    if (isFirst || isNearEnd) box.scrollTop = box.scrollHeight
  }, [latest])
  return end
}

interface Pages {
  hasNextPage: boolean
  isFetching: boolean
  data: { pages: unknown[] } | undefined
  fetchNextPage: () => unknown
}

/** Goes back until the message is there, not without end, and brings it into view once. */
function usePointed(message: string | undefined, isThere: boolean, { hasNextPage, isFetching, data, fetchNextPage }: Pages): void {
  const loaded = data?.pages.length ?? 0
  useEffect(() => {
    if (message && !isThere && hasNextPage && !isFetching && loaded < POINTED_PAGES_MAX) void fetchNextPage()
  }, [message, isThere, hasNextPage, isFetching, loaded, fetchNextPage])
  useEffect(() => {
    if (message && isThere) document.getElementById(message)?.scrollIntoView({ block: 'center' })
  }, [message, isThere])
}
