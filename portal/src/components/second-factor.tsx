// The second factor: setting it up, its recovery codes (once), turning it off.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { encode } from 'uqr'
import { call } from '../api/client'
import { sessionQuery, useSession } from '../api/session'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Command } from '../ui/command'
import { Dialog } from '../ui/dialog'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'

export function SecondFactor() {
  const say = useWords()
  const { user } = useSession()
  const client = useQueryClient()
  const [codes, setCodes] = useState<string[] | null>(null)
  const refresh = () => client.invalidateQueries({ queryKey: sessionQuery.queryKey })
  return (
    <section className="panel" aria-labelledby="factor-title">
      <h2 id="factor-title">{say('settings.factor')}</h2>
      <p className="quiet">{say(user.has_second_factor ? 'settings.factor_on' : 'settings.factor_off')}</p>
      {user.has_second_factor ? (
        <TurnOff onDone={refresh} />
      ) : (
        <TurnOn
          onDone={(recovery) => {
            setCodes(recovery)
            void refresh()
          }}
        />
      )}
      {codes && <RecoveryCodes codes={codes} onKept={() => setCodes(null)} />}
    </section>
  )
}

function TurnOn({ onDone }: { onDone: (codes: string[]) => void }) {
  const say = useWords()
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const begin = useMutation({
    mutationFn: () => call('POST /api/v1/auth/totp', { body: { password } }),
    onSuccess: () => setPassword(''),
  })
  const confirm = useMutation({
    mutationFn: () => call('POST /api/v1/auth/totp/confirm', { body: { code: code.trim() } }),
    onSuccess: (made) => onDone(made.recovery_codes),
  })
  if (begin.data === undefined) {
    return (
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          begin.mutate()
        }}
      >
        <Field label={say('settings.current_password')} type="password" value={password} onChange={(event) => setPassword(event.target.value)} autoComplete="current-password" required />
        <Problem of={begin.error} />
        <Button type="submit" busy={begin.isPending}>
          {say('settings.factor_begin')}
        </Button>
      </form>
    )
  }
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        confirm.mutate()
      }}
    >
      <p>{say('settings.factor_scan')}</p>
      <QrCode text={begin.data.uri} label={say('settings.factor_qr')} />
      <p className="quiet">{say('settings.factor_secret')}</p>
      <Command text={begin.data.secret} />
      <Field label={say('account.code')} value={code} onChange={(event) => setCode(event.target.value)} inputMode="numeric" autoComplete="one-time-code" required />
      <Problem of={confirm.error} />
      <Button type="submit" look="primary" busy={confirm.isPending}>
        {say('settings.factor_confirm')}
      </Button>
    </form>
  )
}

/** Drawn in the page: an image from an address would need a third party or a `data:` address, and both are refused. */
function QrCode({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { border: 2 })
  const dark = data.flatMap((line, y) => line.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <path d={dark.join('')} />
    </svg>
  )
}

function RecoveryCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  const say = useWords()
  return (
    <Dialog title={say('settings.recovery')}>
      <p>{say('settings.recovery_text')}</p>
      <Command text={codes.join('\n')} />
      <Button look="primary" onClick={onKept}>
        {say('settings.recovery_kept')}
      </Button>
    </Dialog>
  )
}

function TurnOff({ onDone }: { onDone: () => void }) {
  const say = useWords()
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const end = useMutation({
    mutationFn: () => call('DELETE /api/v1/auth/totp', { body: { password, code: code.trim() } }),
    onSuccess: onDone,
  })
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        end.mutate()
      }}
    >
      <Field label={say('settings.current_password')} type="password" value={password} onChange={(event) => setPassword(event.target.value)} autoComplete="current-password" required />
      <Field label={say('account.code')} hint={say('account.code_hint')} value={code} onChange={(event) => setCode(event.target.value)} autoComplete="one-time-code" required />
      <Problem of={end.error} />
      <Button type="submit" busy={end.isPending}>
        {say('settings.factor_end')}
      </Button>
    </form>
  )
}
