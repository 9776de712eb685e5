// The installation's processes, and the providers it calls.
import type { ProcessBody, ProviderHealthBody, StatusBody } from '../api/schema'
import { healthOf } from '../lib/system'
import { ago, moment } from '../lib/time'
import { count } from '../lib/traces'
import { useWords, type Word } from '../lib/words'
import { Badge } from '../ui/badge'

const NAMES: Record<string, Word> = {
  model: 'system.provider_model',
  own_model: 'system.provider_own_model',
  slack: 'system.provider_slack',
  whatsapp: 'system.provider_whatsapp',
  stripe: 'system.provider_stripe',
  mail: 'system.provider_mail',
}

export function Providers({ providers }: { providers: ProviderHealthBody[] }) {
  const say = useWords()
  return (
    <section>
      <div className="panel-head">
        <h2>{say('system.providers')}</h2>
      </div>
      <div className="panel wide-table" tabIndex={0} role="region" aria-label={say('system.providers')}>
        <table>
          <thead>
            <tr>
              {(['provider', 'hour', 'failed', 'last_answered', 'last_failed'] as const).map((column) => (
                <th key={column} scope="col">
                  {say(`system.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {providers.map((provider) => (
              <Provider key={provider.provider} provider={provider} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Provider({ provider }: { provider: ProviderHealthBody }) {
  const say = useWords()
  const { mood, word } = healthOf(provider)
  const name = NAMES[provider.provider]
  return (
    <tr>
      <th scope="row">
        {name ? say(name) : provider.provider} <Badge mood={mood}>{say(word)}</Badge>
      </th>
      <td>{count(provider.answered + provider.failed)}</td>
      <td>{provider.failed > 0 ? count(provider.failed) : '–'}</td>
      <td>{told(provider.last_answered_at, say('system.never'))}</td>
      <td>{told(provider.last_failed_at, say('system.never'))}</td>
    </tr>
  )
}

function told(at: string | null | undefined, never: string) {
  return at ? (
    <time dateTime={at} title={moment(at)}>
      {ago(at)}
    </time>
  ) : (
    never
  )
}

export function Processes({ status }: { status: StatusBody }) {
  const say = useWords()
  return (
    <section>
      <div className="panel-head">
        <h2>{say('system.processes')}</h2>
        <p className="quiet">{say('system.version', { version: status.version })}</p>
      </div>
      <div className="panel wide-table" tabIndex={0} role="region" aria-label={say('system.processes')}>
        <table>
          <thead>
            <tr>
              {(['role', 'name', 'started', 'beat'] as const).map((column) => (
                <th key={column} scope="col">
                  {say(`system.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {status.processes.map((process) => (
              <Process key={process.name} process={process} version={status.version} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Process({ process, version }: { process: ProcessBody; version: string }) {
  const say = useWords()
  return (
    <tr>
      <th scope="row">
        {process.role} <Badge mood={process.alive ? 'good' : 'bad'}>{say(process.alive ? 'system.alive' : 'system.silent')}</Badge>
        {process.version !== version && <Badge mood="fair">{say('system.other_version', { version: process.version })}</Badge>}
      </th>
      <td>{process.name}</td>
      <td>{moment(process.started_at)}</td>
      <td>{told(process.beat_at, say('system.never'))}</td>
    </tr>
  )
}
