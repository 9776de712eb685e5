// Connecting a channel: Slack by a click or with a token, WhatsApp with a number.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call } from '../api/client'
import { connectionsQuery } from '../api/queries'
import type { Connect } from '../api/schema'
import { useWords, type Word } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'

type Way = 'click' | 'slack' | 'whatsapp'
const WAYS: [Way, Word][] = [
  ['click', 'connect.slack_click'],
  ['slack', 'connect.slack_token'],
  ['whatsapp', 'connect.whatsapp'],
]

export function ConnectChannel({ onConnected }: { onConnected: () => void }) {
  const say = useWords()
  const [way, setWay] = useState<Way>('click')
  return (
    <>
      <div className="choices" role="group" aria-label={say('connect.way')}>
        {WAYS.map(([one, word]) => (
          <button key={one} type="button" className="choice" aria-pressed={way === one} onClick={() => setWay(one)}>
            {say(word)}
          </button>
        ))}
      </div>
      {way === 'click' && <ByClick />}
      {way === 'slack' && <SlackByToken onConnected={onConnected} />}
      {way === 'whatsapp' && <WhatsAppByNumber onConnected={onConnected} />}
    </>
  )
}

/** Slack asks for consent in a window of its own; the list here shows the workspace as soon as it is connected. */
function ByClick() {
  const say = useWords()
  const install = useMutation({ mutationFn: () => call('POST /api/v1/connections/slack/install', { body: {} }) })
  return (
    <div className="form">
      <p className="quiet">{say('connect.click_text')}</p>
      <Problem of={install.error} />
      {install.data ? (
        <>
          <a className="button primary" href={install.data.url} target="_blank" rel="noreferrer">
            {say('connect.click_open')}
          </a>
          <p className="quiet">{say('connect.click_wait')}</p>
        </>
      ) : (
        <Button look="primary" busy={install.isPending} onClick={() => install.mutate()}>
          {say('connect.click_begin')}
        </Button>
      )}
    </div>
  )
}

function useConnect(onConnected: () => void) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: Connect) => call('POST /api/v1/connections', { body }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: connectionsQuery.queryKey })
      onConnected()
    },
  })
}

function useForm<T extends Record<string, string>>(empty: T) {
  const [form, setForm] = useState(empty)
  const input = (name: keyof T & string) => ({
    value: form[name],
    onChange: (event: { target: { value: string } }) => setForm((before) => ({ ...before, [name]: event.target.value })),
    spellCheck: false,
    autoComplete: 'off',
  })
  const given = (name: keyof T & string): string | null => form[name]?.trim() || null
  return { form, input, given }
}

interface ConnectFormProps {
  body: () => Connect
  /** What the customer's own app needs, on demand. */
  more: ReactNode
  moreTitle: string
  onConnected: () => void
  children: ReactNode
}

function ConnectForm({ body, more, moreTitle, onConnected, children }: ConnectFormProps) {
  const say = useWords()
  const connect = useConnect(onConnected)
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        connect.mutate(body())
      }}
    >
      {children}
      <details>
        <summary>{moreTitle}</summary>
        {more}
      </details>
      <Problem of={connect.error} />
      <Button type="submit" look="primary" busy={connect.isPending}>
        {say('connect.submit')}
      </Button>
    </form>
  )
}

function SlackByToken({ onConnected }: { onConnected: () => void }) {
  const say = useWords()
  const { form, input, given } = useForm({ bot_token: '', app_id: '', signing_secret: '' })
  return (
    <ConnectForm
      onConnected={onConnected}
      body={() => ({ channel: 'slack', bot_token: form.bot_token.trim(), app_id: given('app_id'), signing_secret: given('signing_secret') })}
      moreTitle={say('connect.own_slack')}
      more={
        <>
          <Field label={say('connect.app_id')} placeholder="A012ABCDEF" {...input('app_id')} />
          <Field label={say('connect.signing_secret')} type="password" {...input('signing_secret')} />
        </>
      }
    >
      <Field label={say('connect.bot_token')} hint={say('connect.bot_token_hint')} placeholder="xoxb-…" type="password" {...input('bot_token')} required />
    </ConnectForm>
  )
}

function WhatsAppByNumber({ onConnected }: { onConnected: () => void }) {
  const say = useWords()
  const { form, input, given } = useForm({ phone_number_id: '', access_token: '', account_id: '', app_secret: '', verify_token: '' })
  return (
    <ConnectForm
      onConnected={onConnected}
      body={() => ({
        channel: 'whatsapp',
        phone_number_id: form.phone_number_id.trim(),
        access_token: form.access_token.trim(),
        account_id: given('account_id'),
        app_secret: given('app_secret'),
        verify_token: given('verify_token'),
      })}
      moreTitle={say('connect.own_meta')}
      more={
        <>
          <Field label={say('connect.account_id')} {...input('account_id')} />
          <Field label={say('connect.app_secret')} type="password" {...input('app_secret')} />
          <Field label={say('connect.verify_token')} type="password" {...input('verify_token')} />
        </>
      }
    >
      <Field label={say('connect.phone_number_id')} hint={say('connect.phone_number_hint')} placeholder="106540352242922" {...input('phone_number_id')} required />
      <Field label={say('connect.access_token')} hint={say('connect.access_token_hint')} type="password" {...input('access_token')} required />
    </ConnectForm>
  )
}
