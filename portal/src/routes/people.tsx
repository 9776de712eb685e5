// /people: members, what they may do, and who is invited.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { membersQuery } from '../api/queries'
import type { MemberBody, Role } from '../api/schema'
import { sessionQuery, useRights, useSession } from '../api/session'
import { Invitations } from '../components/invitations'
import { PageHead } from '../components/page-head'
import { roleWord } from '../lib/roles'
import { useWords } from '../lib/words'
import { Badge, Initials } from '../ui/badge'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Asking, Problem } from '../ui/states'

export function PeoplePage() {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const members = useQuery(membersQuery)
  return (
    <main className="content">
      <PageHead title={say('nav.people')} text={say('people.text')} />
      <section aria-labelledby="members-title">
        <h2 id="members-title">{say('people.members')}</h2>
        <Asking query={members}>
          {({ items }) => (
            <ul className="lines panel">
              {items.map((member) => (
                <Member key={member.user_id} member={member} />
              ))}
            </ul>
          )}
        </Asking>
      </section>
      {mayAdministrate && <Invitations />}
    </main>
  )
}

type Asked = 'remove' | 'transfer'

function Member({ member }: { member: MemberBody }) {
  const say = useWords()
  const { user } = useSession()
  const { mayAdministrate, isOwner } = useRights()
  const [asked, setAsked] = useState<Asked | null>(null)
  const change = useChange(member)
  const isFixed = !mayAdministrate || member.is_owner
  return (
    <li className="member">
      <Initials name={member.name} />
      <span className="member-name">
        <strong>{member.name}</strong> {member.user_id === user.id && <Badge>{say('people.you')}</Badge>}
        <span className="quiet">{member.mail}</span>
      </span>
      {isFixed ? (
        <span>
          {say(member.is_owner ? 'role.owner' : roleWord(member.role))}
          {member.read_only && `, ${say('role.read_only')}`}
        </span>
      ) : (
        <span className="actions">
          <select
            aria-label={say('people.role_of', { name: member.name })}
            value={member.role}
            disabled={change.isPending}
            onChange={(event) => change.mutate({ role: event.target.value as Role })}
          >
            <option value="customer_admin">{say('role.admin')}</option>
            <option value="customer_operator">{say('role.operator')}</option>
          </select>
          <label className="check">
            <input
              type="checkbox"
              checked={member.read_only}
              disabled={change.isPending}
              onChange={(event) => change.mutate({ read_only: event.target.checked })}
            />
            <span>{say('role.read_only')}</span>
          </label>
          {isOwner && (
            <Button look="quiet" onClick={() => setAsked('transfer')}>
              {say('people.transfer')}
            </Button>
          )}
          <Button look="quiet" onClick={() => setAsked('remove')}>
            {say('people.remove')}
          </Button>
        </span>
      )}
      <Problem of={change.error} />
      {asked && <Sure member={member} asked={asked} onClose={() => setAsked(null)} />}
    </li>
  )
}

function useChange(member: MemberBody) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: { role?: Role; read_only?: boolean }) =>
      call('PATCH /api/v1/members/{user_id}', { path: { user_id: member.user_id }, body }),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: membersQuery.queryKey }),
        client.invalidateQueries({ queryKey: sessionQuery.queryKey }),
      ]),
  })
}

/** Neither can be undone by who asks for it: a removed member needs an invitation, a new owner has to want it back. */
function Sure({ member, asked, onClose }: { member: MemberBody; asked: Asked; onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const act = useMutation({
    mutationFn: () => {
      const path = { user_id: member.user_id }
      return asked === 'remove'
        ? call('DELETE /api/v1/members/{user_id}', { path })
        : call('POST /api/v1/members/{user_id}/owner', { path })
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: membersQuery.queryKey })
      await client.invalidateQueries({ queryKey: sessionQuery.queryKey })
      onClose()
    },
  })
  const words = asked === 'remove' ? (['people.remove_title', 'people.remove_text', 'people.remove'] as const) : (['people.transfer_title', 'people.transfer_text', 'people.transfer'] as const)
  return (
    <Dialog title={say(words[0], { name: member.name })} onClose={onClose}>
      <p>{say(words[1], { name: member.name })}</p>
      <Problem of={act.error} />
      <div className="actions">
        <Button look="danger" busy={act.isPending} onClick={() => act.mutate()}>
          {say(words[2])}
        </Button>
        <Button onClick={onClose}>{say('settings.cancel')}</Button>
      </div>
    </Dialog>
  )
}
