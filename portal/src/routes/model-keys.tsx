// /model-keys: the tenant's own keys for models, and which agents use them. A key itself is never shown again.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { call } from '../api/client'
import { agentsQuery, modelKeysQuery } from '../api/queries'
import type { AgentBody, LlmKeyBody } from '../api/schema'
import { useRights } from '../api/session'
import { ModelKeyForm } from '../components/model-key-form'
import { ModelPrices } from '../components/model-prices'
import { PageHead } from '../components/page-head'
import { usersOf } from '../lib/models'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Asking, Empty, Problem } from '../ui/states'

export function ModelKeysPage() {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const keys = useQuery(modelKeysQuery)
  const agents = useQuery(agentsQuery)
  const [isMaking, setMaking] = useState(false)
  return (
    <main className="content">
      <PageHead title={say('nav.model_keys')} text={say('models.text')}>
        {mayAdministrate && !isMaking && (
          <Button look="primary" onClick={() => setMaking(true)}>
            {say('models.new')}
          </Button>
        )}
      </PageHead>
      {isMaking && (
        <section className="panel" aria-labelledby="key-title">
          <h2 id="key-title">{say('models.new')}</h2>
          <ModelKeyForm onClose={() => setMaking(false)} />
        </section>
      )}
      <Asking query={keys}>
        {({ items }) =>
          items.length === 0 ? (
            !isMaking && (
              <Empty title={say('models.empty')}>
                <p>{say(mayAdministrate ? 'models.empty_text' : 'models.empty_ask')}</p>
              </Empty>
            )
          ) : (
            <ul className="cards">
              {items.map((key) => (
                <ModelKey key={key.id} about={key} agents={agents.data?.items} />
              ))}
            </ul>
          )
        }
      </Asking>
    </main>
  )
}

function ModelKey({ about, agents }: { about: LlmKeyBody; agents: AgentBody[] | undefined }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const [asked, setAsked] = useState<'change' | 'delete' | 'prices' | null>(null)
  return (
    <li className="panel">
      <div className="panel-head">
        <h2>{about.name}</h2>
        <span className="actions">
          {about.is_default && <Badge mood="good">{say('models.default')}</Badge>}
          <Badge>{say(about.platform_fallback ? 'models.falls_back' : 'models.alone')}</Badge>
        </span>
      </div>
      <dl className="facts">
        <div>
          <dt>{say('models.host')}</dt>
          <dd>
            <code>{about.host}</code>
          </dd>
        </div>
        <div>
          <dt>{say('models.key')}</dt>
          <dd>
            <code>{about.key_hint ? `••••${about.key_hint}` : '••••'}</code>
          </dd>
        </div>
        <div>
          <dt>{say('models.model')}</dt>
          <dd>
            <code>{about.default_model}</code>
          </dd>
        </div>
        <div>
          <dt>{say(about.replaced_at ? 'models.replaced' : 'models.since')}</dt>
          <dd>{moment(about.replaced_at ?? about.created_at)}</dd>
        </div>
      </dl>
      {agents && <Users of={usersOf(about, agents)} />}
      {mayAdministrate && asked !== 'change' && asked !== 'prices' && (
        <div className="actions">
          <Button onClick={() => setAsked('change')}>{say('models.change')}</Button>
          <Button onClick={() => setAsked('prices')}>{say('prices.title')}</Button>
          <Button look="quiet" onClick={() => setAsked('delete')}>
            {say('models.delete')}
          </Button>
        </div>
      )}
      {asked === 'change' && <ModelKeyForm known={about} onClose={() => setAsked(null)} />}
      {asked === 'prices' && <ModelPrices of={about} onClose={() => setAsked(null)} />}
      {asked === 'delete' && <Sure about={about} onClose={() => setAsked(null)} />}
    </li>
  )
}

function Users({ of: users }: { of: AgentBody[] }) {
  const say = useWords()
  if (users.length === 0) return <p className="quiet">{say('models.unused')}</p>
  return (
    <p>
      <span className="quiet">{say('models.used_by')}</span>{' '}
      {users.map((agent, index) => (
        <span key={agent.id}>
          {index > 0 && ', '}
          <Link to="/agents" search={{ agent: agent.id }}>
            {agent.name}
          </Link>
        </span>
      ))}
    </p>
  )
}

/** The key can't be shown again, so neither can this be undone. */
function Sure({ about, onClose }: { about: LlmKeyBody; onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const remove = useMutation({
    mutationFn: () => call('DELETE /api/v1/llm-keys/{llm_key_id}', { path: { llm_key_id: about.id } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: modelKeysQuery.queryKey })
      onClose()
    },
  })
  return (
    <Dialog title={say('models.delete_title', { name: about.name })} onClose={onClose}>
      <p>{say(about.is_default ? 'models.delete_default' : 'models.delete_text')}</p>
      <Problem of={remove.error} />
      <div className="actions">
        <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
          {say('models.delete')}
        </Button>
        <Button onClick={onClose}>{say('settings.cancel')}</Button>
      </div>
    </Dialog>
  )
}
