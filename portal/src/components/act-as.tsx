// Acting as a member of a tenant, for who looks after the platform: as whom, why, and for which ticket.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { call } from '../api/client'
import type { TenantBody } from '../api/schema'
import { enter } from '../api/session'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'

interface ActAsProps {
  tenant: TenantBody
  /** Else one begins at the inbox. */
  staysHere?: boolean
}

export function ActAs({ tenant, staysHere = false }: ActAsProps) {
  const say = useWords()
  const [isAsked, setAsked] = useState(false)
  if (tenant.support_access === 'none') return <span className="quiet">{say('acting_as.no_consent')}</span>
  return (
    <>
      <Button onClick={() => setAsked(true)} aria-label={say('acting_as.begin_in', { tenant: tenant.name })}>
        {say('acting_as.begin')}
      </Button>
      {isAsked && <ActAsDialog tenant={tenant} staysHere={staysHere} onClose={() => setAsked(false)} />}
    </>
  )
}

function ActAsDialog({ tenant, staysHere, onClose }: Required<ActAsProps> & { onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const navigate = useNavigate()
  const [asked, setAsked] = useState({ member: '', reason: '', ticket: '' })
  const set = (field: keyof typeof asked) => (event: { target: { value: string } }) => setAsked({ ...asked, [field]: event.target.value })
  const begin = useMutation({
    mutationFn: async () => {
      enter(client, await call('POST /api/v1/impersonation', { body: { tenant_id: tenant.id, ...asked } }))
      if (!staysHere) await navigate({ to: '/inbox' })
    },
  })
  return (
    <Dialog title={say('acting_as.begin_in', { tenant: tenant.name })} onClose={onClose}>
      <p>{say(tenant.support_access === 'write' ? 'acting_as.may_write' : 'acting_as.may_read')}</p>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          begin.mutate()
        }}
      >
        <Field label={say('acting_as.member')} type="email" required value={asked.member} onChange={set('member')} autoComplete="off" />
        <Field label={say('acting_as.reason')} hint={say('acting_as.reason_hint')} required maxLength={500} value={asked.reason} onChange={set('reason')} />
        <Field label={say('acting_as.ticket')} required maxLength={100} value={asked.ticket} onChange={set('ticket')} />
        <Problem of={begin.error} />
        <div className="actions">
          <Button type="submit" look="primary" busy={begin.isPending}>
            {say('acting_as.begin')}
          </Button>
          <Button onClick={onClose}>{say('settings.cancel')}</Button>
        </div>
      </form>
    </Dialog>
  )
}
