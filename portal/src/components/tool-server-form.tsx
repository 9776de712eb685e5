// Connecting a tool server. Its token is typed once, and never shown again.
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { call } from '../api/client'
import { useToolsAgain } from '../api/tool-servers'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'
import { Looked } from './tool-servers'

/** As the gateway. */
const NAME_MAX = 15
const URL_MAX = 500
const TOKEN_MAX = 2_000

export function ToolServerForm() {
  const say = useWords()
  const again = useToolsAgain()
  const [name, setName] = useState('')
  const [url, setUrl] = useState('')
  const [token, setToken] = useState('')
  const connect = useMutation({
    mutationFn: () => call('POST /api/v1/mcp-servers', { body: { name: name.trim(), url: url.trim(), token: token.trim() || null } }),
    onSuccess: () => {
      setToken('')
      return again()
    },
  })
  if (connect.data) {
    return (
      <section className="panel form">
        <h2>{say('servers.connected', { name: connect.data.server.name })}</h2>
        <Looked at={connect.data} />
        <p>{say('servers.next')}</p>
        <div className="actions">
          <Link className="button primary" to="/tools" search={{}}>
            {say('servers.see_tools')}
          </Link>
          <Link className="button" to="/agents" search={{}}>
            {say('servers.grant')}
          </Link>
        </div>
      </section>
    )
  }
  return (
    <form
      className="form panel tool-form"
      onSubmit={(event) => {
        event.preventDefault()
        connect.mutate()
      }}
    >
      <h2>{say('servers.new')}</h2>
      <Field label={say('servers.name')} hint={say('servers.name_hint')} placeholder="tickets" value={name} onChange={(event) => setName(event.target.value)} maxLength={NAME_MAX} spellCheck={false} required />
      <Field label={say('servers.url')} hint={say('servers.url_hint')} placeholder="https://mcp.example.com/mcp" value={url} onChange={(event) => setUrl(event.target.value)} maxLength={URL_MAX} spellCheck={false} inputMode="url" required />
      <Field label={say('servers.token')} hint={say('servers.token_hint')} type="password" value={token} onChange={(event) => setToken(event.target.value)} maxLength={TOKEN_MAX} autoComplete="off" />
      <Problem of={connect.error} />
      <div className="actions">
        <Button type="submit" look="primary" busy={connect.isPending}>
          {say('servers.connect')}
        </Button>
        <span role="status" className="quiet">
          {connect.isPending && say('servers.looking')}
        </span>
      </div>
    </form>
  )
}
