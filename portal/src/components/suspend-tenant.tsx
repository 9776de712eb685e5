// Stopping a tenant with a reason, and letting it go on: what waited is answered, or not.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { tenantsQuery } from '../api/queries'
import type { TenantBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Field, Select } from '../ui/field'
import { Problem } from '../ui/states'

export function SuspendTenant({ tenant }: { tenant: TenantBody }) {
  const say = useWords()
  const [isAsked, setAsked] = useState(false)
  const word = tenant.suspended ? 'tenants.resume' : 'tenants.suspend'
  return (
    <>
      <Button look={tenant.suspended ? 'plain' : 'quiet'} onClick={() => setAsked(true)} aria-label={`${say(word)}: ${tenant.name}`}>
        {say(word)}
      </Button>
      {isAsked && (
        <Dialog title={`${say(word)}: ${tenant.name}`} onClose={() => setAsked(false)}>
          {tenant.suspended ? <Resume tenant={tenant} onDone={() => setAsked(false)} /> : <Suspend tenant={tenant} onDone={() => setAsked(false)} />}
        </Dialog>
      )}
    </>
  )
}

interface Asked {
  tenant: TenantBody
  onDone: () => void
}

function useChange(act: () => Promise<TenantBody>, onDone: () => void) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: tenantsQuery.queryKey })
      onDone()
    },
  })
}

function Suspend({ tenant, onDone }: Asked) {
  const say = useWords()
  const [reason, setReason] = useState('')
  const path = { tenant_id: tenant.id }
  const suspend = useChange(() => call('POST /api/v1/tenants/{tenant_id}/suspend', { path, body: { reason } }), onDone)
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        suspend.mutate()
      }}
    >
      <p>{say('tenants.suspend_text')}</p>
      <Field label={say('tenants.suspend_reason')} required maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
      <Problem of={suspend.error} />
      <div className="actions">
        <Button type="submit" look="danger" busy={suspend.isPending}>
          {say('tenants.suspend')}
        </Button>
        <Button onClick={onDone}>{say('settings.cancel')}</Button>
      </div>
    </form>
  )
}

function Resume({ tenant, onDone }: Asked) {
  const say = useWords()
  const [waiting, setWaiting] = useState('answer')
  const path = { tenant_id: tenant.id }
  const resume = useChange(() => call('POST /api/v1/tenants/{tenant_id}/resume', { path, body: { waiting } }), onDone)
  return (
    <div className="form">
      <Select label={say('tenants.waiting')} hint={say('tenants.waiting_hint')} value={waiting} onChange={(event) => setWaiting(event.target.value)}>
        <option value="answer">{say('tenants.waiting_answer')}</option>
        <option value="drop">{say('tenants.waiting_drop')}</option>
      </Select>
      <Problem of={resume.error} />
      <div className="actions">
        <Button look="primary" busy={resume.isPending} onClick={() => resume.mutate()}>
          {say('tenants.resume')}
        </Button>
        <Button onClick={onDone}>{say('settings.cancel')}</Button>
      </div>
    </div>
  )
}
