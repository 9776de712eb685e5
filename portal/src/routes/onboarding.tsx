// /onboarding?step=1|2|3: connect a channel, shape the agent, see it answer. The step stands in the address, so that a
// reload or a link comes back to it.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { agentsQuery, connectionsQuery, conversationsQuery } from '../api/queries'
import type { ConnectionBody, ConversationBody } from '../api/schema'
import { useRights } from '../api/session'
import { AgentForm } from '../components/agent-form'
import { ConnectChannel } from '../components/connect-channel'
import { FirstDocuments } from '../components/first-documents'
import { useWords, type Word } from '../lib/words'
import { Badge, ChannelBadge } from '../ui/badge'
import { Asking, Empty } from '../ui/states'

const route = getRouteApi('/app/onboarding')
const STEPS: [1 | 2 | 3, Word][] = [
  [1, 'onboarding.connect'],
  [2, 'onboarding.shape'],
  [3, 'onboarding.try'],
]

export function OnboardingPage() {
  const say = useWords()
  const { step } = route.useSearch()
  const { mayAdministrate } = useRights()
  return (
    <main className="content narrow onboarding">
      <nav aria-label={say('onboarding.steps')}>
        <ol className="steps-bar">
          {STEPS.map(([number, word]) => (
            <li key={number} className={number < step ? 'done' : ''}>
              <Link to="/onboarding" search={{ step: number }} aria-current={number === step ? 'step' : undefined}>
                <span aria-hidden="true">{number}</span> {say(word)}
              </Link>
            </li>
          ))}
        </ol>
      </nav>
      {!mayAdministrate && step < 3 ? (
        <Empty title={say('onboarding.ask_admin')}>
          <p>{say('error.forbidden')}</p>
        </Empty>
      ) : (
        <>
          {step === 1 && <ConnectStep />}
          {step === 2 && <ShapeStep />}
          {step === 3 && <TryStep />}
        </>
      )}
    </main>
  )
}

function ConnectStep() {
  const say = useWords()
  const navigate = useNavigate()
  const connections = useQuery(connectionsQuery)
  const goOn = () => void navigate({ to: '/onboarding', search: { step: 2 } })
  return (
    <section aria-labelledby="step-title">
      <h1 id="step-title">{say('onboarding.connect_title')}</h1>
      <p className="lead">{say('onboarding.connect_text')}</p>
      <div className="panel">
        <ConnectChannel onConnected={goOn} />
      </div>
      <Asking query={connections} lines={1}>
        {({ items }) => (
          <>
            {items.map((connection) => (
              <p className="connected" key={connection.id}>
                <ChannelBadge channel={connection.channel} /> {connection.display_name || connection.external_id}{' '}
                <Badge mood={connection.status === 'active' ? 'good' : 'bad'}>
                  {say(connection.status === 'active' ? 'connections.active' : 'connections.dead')}
                </Badge>
              </p>
            ))}
            {items.length > 0 && (
              <Link className="button primary" to="/onboarding" search={{ step: 2 }}>
                {say('onboarding.next')}
              </Link>
            )}
          </>
        )}
      </Asking>
    </section>
  )
}

function ShapeStep() {
  const say = useWords()
  const navigate = useNavigate()
  const agents = useQuery(agentsQuery)
  return (
    <section aria-labelledby="step-title">
      <h1 id="step-title">{say('onboarding.shape_title')}</h1>
      <p className="lead">{say('onboarding.shape_text')}</p>
      <Asking query={agents}>
        {({ items }) => (
          <AgentForm
            agent={items.find((agent) => agent.is_default)}
            submit={say('onboarding.next')}
            onSaved={() => void navigate({ to: '/onboarding', search: { step: 3 } })}
          />
        )}
      </Asking>
      <FirstDocuments />
    </section>
  )
}

function TryStep() {
  const say = useWords()
  const connections = useQuery(connectionsQuery)
  const conversations = useInfiniteQuery(conversationsQuery)
  const answered = conversations.data?.pages.flatMap((page) => page.items).find(isAnswered)
  return (
    <section aria-labelledby="step-title">
      <h1 id="step-title">{say(answered ? 'onboarding.live_title' : 'onboarding.try_title')}</h1>
      <Asking query={connections} lines={2}>
        {({ items }) =>
          answered ? <Answered conversation={answered} /> : items.length === 0 ? <NotConnected /> : <Instructions connections={items} />
        }
      </Asking>
    </section>
  )
}

const isAnswered = (conversation: ConversationBody): boolean => conversation.last_message?.author_kind === 'agent'

function NotConnected() {
  const say = useWords()
  return (
    <Empty title={say('connections.empty')}>
      <Link className="button primary" to="/onboarding" search={{ step: 1 }}>
        {say('onboarding.connect')}
      </Link>
    </Empty>
  )
}

function Instructions({ connections }: { connections: ConnectionBody[] }) {
  const say = useWords()
  const channels = new Set(connections.map((connection) => connection.channel))
  return (
    <>
      <p className="lead">{say('onboarding.try_text')}</p>
      <ul className="panel plain-list">
        {channels.has('slack') && <li>{say('onboarding.try_slack')}</li>}
        {channels.has('whatsapp') && <li>{say('onboarding.try_whatsapp')}</li>}
      </ul>
      <p className="waiting-line" role="status">
        <span className="dot" aria-hidden="true" /> {say('onboarding.waiting')}
      </p>
    </>
  )
}

function Answered({ conversation }: { conversation: ConversationBody }) {
  const say = useWords()
  return (
    <>
      <p className="lead">{say('onboarding.live_text')}</p>
      <blockquote className="panel" role="status">
        <p className="said">{conversation.last_message?.excerpt}</p>
        <footer className="quiet">{conversation.last_message?.author}</footer>
      </blockquote>
      <Link className="button primary" to="/inbox" search={{ conversation: conversation.id }}>
        {say('onboarding.open')}
      </Link>
    </>
  )
}
