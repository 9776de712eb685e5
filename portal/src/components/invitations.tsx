// Who is invited and has not come yet, and inviting somebody.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { invitationsQuery } from '../api/queries'
import type { InvitationBody, Role } from '../api/schema'
import { roleWord } from '../lib/roles'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check, Field, Select } from '../ui/field'
import { Asking, Problem } from '../ui/states'

export function Invitations() {
  const say = useWords()
  const invitations = useQuery(invitationsQuery)
  return (
    <section aria-labelledby="invitations-title">
      <h2 id="invitations-title">{say('people.invitations')}</h2>
      <InviteForm />
      <Asking query={invitations} lines={2}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="quiet">{say('people.nobody_invited')}</p>
          ) : (
            <ul className="lines panel">
              {items.map((invitation) => (
                <Invitation key={invitation.id} invitation={invitation} />
              ))}
            </ul>
          )
        }
      </Asking>
    </section>
  )
}

function InviteForm() {
  const say = useWords()
  const client = useQueryClient()
  const [mail, setMail] = useState('')
  const [role, setRole] = useState<Role>('customer_operator')
  const [readOnly, setReadOnly] = useState(false)
  const invite = useMutation({
    mutationFn: () => call('POST /api/v1/invitations', { body: { mail, role, read_only: readOnly } }),
    onSuccess: () => {
      setMail('')
      return client.invalidateQueries({ queryKey: invitationsQuery.queryKey })
    },
  })
  return (
    <form
      className="form panel in-line"
      onSubmit={(event) => {
        event.preventDefault()
        invite.mutate()
      }}
    >
      <Field label={say('account.mail')} type="email" value={mail} onChange={(event) => setMail(event.target.value)} autoComplete="off" required />
      <Select label={say('people.role')} value={role} onChange={(event) => setRole(event.target.value as Role)}>
        <option value="customer_operator">{say('role.operator')}</option>
        <option value="customer_admin">{say('role.admin')}</option>
      </Select>
      <Check label={say('role.read_only')} checked={readOnly} onChange={(event) => setReadOnly(event.target.checked)} />
      <Button type="submit" look="primary" busy={invite.isPending}>
        {say('people.invite')}
      </Button>
      <Problem of={invite.error} />
      <p role="status" className="quiet">
        {invite.data && say('people.invited', { mail: invite.data.mail })}
      </p>
    </form>
  )
}

function Invitation({ invitation }: { invitation: InvitationBody }) {
  const say = useWords()
  const client = useQueryClient()
  const path = { invitation_id: invitation.id }
  const onSuccess = () => client.invalidateQueries({ queryKey: invitationsQuery.queryKey })
  const resend = useMutation({ mutationFn: () => call('POST /api/v1/invitations/{invitation_id}/resend', { path }), onSuccess })
  const revoke = useMutation({ mutationFn: () => call('DELETE /api/v1/invitations/{invitation_id}', { path }), onSuccess })
  return (
    <li className="member">
      <span className="member-name">
        <strong>{invitation.mail}</strong>
        <span className="quiet">
          {say(roleWord(invitation.role))}
          {invitation.read_only && `, ${say('role.read_only')}`}. {say('people.until', { when: moment(invitation.expires_at) })}
        </span>
      </span>
      <span className="actions">
        <span role="status" className="quiet">
          {resend.isSuccess && say('people.resent')}
        </span>
        <Button busy={resend.isPending} onClick={() => resend.mutate()}>
          {say('people.resend')}
        </Button>
        <Button look="quiet" busy={revoke.isPending} onClick={() => revoke.mutate()}>
          {say('people.revoke')}
        </Button>
      </span>
      <Problem of={resend.error ?? revoke.error} />
    </li>
  )
}
