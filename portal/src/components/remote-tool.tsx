// A tool that a server brought along: what it is stands there; whether it only reads, and whether it may be used, is decided
// here. One that its server describes otherwise by now is locked until somebody agrees to what it is.
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { useToolsAgain } from '../api/tool-servers'
import type { RemoteBody, SeenBody, ToolBody } from '../api/schema'
import { useRights } from '../api/session'
import { lineDiff } from '../lib/agents'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check } from '../ui/field'
import { Problem } from '../ui/states'
import { DiffLines } from './differences'
import { Classes } from './tool-form'

const written = (schema: object): string => JSON.stringify(schema, null, 2)

export function RemoteTool({ tool, of: server, onSaved }: { tool: ToolBody; of: RemoteBody; onSaved: () => void }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const again = useToolsAgain()
  const [kind, setKind] = useState(tool.class)
  const [enabled, setEnabled] = useState(tool.enabled)
  const save = useMutation({
    mutationFn: () => call('PATCH /api/v1/tools/{tool_id}', { path: { tool_id: tool.id }, body: { class: kind, enabled } }),
    onSuccess: async () => {
      await again()
      onSaved()
    },
  })
  return (
    <form
      className="form panel tool-form"
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <h2>
        <code>{tool.name}</code>
      </h2>
      {server.locked_at && <Locked tool={tool} since={server.locked_at} seen={server.seen} />}
      <p className="said">{tool.description}</p>
      <p className="quiet">{say(server.read_only_hint ? 'servers.says_reads' : 'servers.says_nothing')}</p>
      <details>
        <summary>{say('tools.arguments')}</summary>
        <pre className="schema">{written(tool.arguments)}</pre>
      </details>
      <Classes value={kind} isFixed={!mayAdministrate} isWriteOnly={false} error={null} onChange={setKind} />
      <Check label={say('tools.enabled')} checked={enabled} disabled={!mayAdministrate} onChange={(event) => setEnabled(event.target.checked)} />
      <Problem of={save.error} />
      {mayAdministrate ? (
        <div className="actions">
          <Button type="submit" look="primary" busy={save.isPending}>
            {say('tools.save')}
          </Button>
        </div>
      ) : (
        <p className="note">{say('error.forbidden')}</p>
      )}
    </form>
  )
}

function Locked({ tool, since, seen }: { tool: ToolBody; since: string; seen: SeenBody | null | undefined }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const again = useToolsAgain()
  const agree = useMutation({
    mutationFn: (digest: string) => call('POST /api/v1/tools/{tool_id}/confirm', { path: { tool_id: tool.id }, body: { digest } }),
    onSuccess: again,
  })
  return (
    <section className="note fair conflict" aria-label={say('servers.locked')}>
      <p>{say('servers.locked_since', { when: moment(since) })}</p>
      {seen ? (
        <dl className="differences">
          <div>
            <dt>{say('tools.description')}</dt>
            <dd className="diff">
              <DiffLines of={lineDiff(tool.description, seen.description)} />
            </dd>
          </div>
          <div>
            <dt>{say('tools.arguments')}</dt>
            <dd className="diff">
              <DiffLines of={lineDiff(written(tool.arguments), written(seen.arguments))} />
            </dd>
          </div>
        </dl>
      ) : (
        <p>{say('servers.locked_gone')}</p>
      )}
      <Problem of={agree.error} />
      {seen && mayAdministrate && (
        <div className="actions">
          <Button busy={agree.isPending} onClick={() => agree.mutate(seen.digest)}>
            {say('servers.agree')}
          </Button>
        </div>
      )}
    </section>
  )
}
