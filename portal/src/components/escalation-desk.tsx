// The channel of Slack in which escalations are seen to.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { connectionsQuery } from '../api/queries'
import { deskQuery } from '../api/routines'
import type { DeskBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field, Select } from '../ui/field'
import { Asking, Problem } from '../ui/states'

export function EscalationDesk() {
  const say = useWords()
  const desk = useQuery(deskQuery)
  return (
    <section className="panel" aria-labelledby="desk-title">
      <h2 id="desk-title">{say('desk.title')}</h2>
      <p className="quiet">{say('desk.text')}</p>
      <Asking query={desk} lines={2}>
        {({ desk: known }) => <DeskForm key={known ? 'set' : 'none'} known={known ?? null} />}
      </Asking>
    </section>
  )
}

function DeskForm({ known }: { known: DeskBody | null }) {
  const say = useWords()
  const client = useQueryClient()
  const places = (useQuery(connectionsQuery).data?.items ?? []).filter((one) => one.channel === 'slack')
  const [connection, setConnection] = useState(known?.connection ?? '')
  const [channel, setChannel] = useState(known?.channel ?? '')
  // With one workspace there is nothing to choose.
  const chosen = connection || (places.length === 1 ? (places[0]?.id ?? '') : '')
  const keep = (desk: DeskBody | null) => client.setQueryData(deskQuery.queryKey, { desk })
  const save = useMutation({
    mutationFn: () => call('PUT /api/v1/escalation-desk', { body: { connection: chosen, channel: channel.trim() } }),
    onSuccess: ({ desk }) => keep(desk ?? null),
  })
  const remove = useMutation({ mutationFn: () => call('DELETE /api/v1/escalation-desk', {}), onSuccess: () => keep(null) })
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <Select label={say('desk.connection')} hint={places.length === 0 ? say('desk.no_slack') : undefined} value={chosen} onChange={(event) => setConnection(event.target.value)} required>
        <option value="">{say('desk.choose')}</option>
        {places.map((one) => (
          <option key={one.id} value={one.id}>
            {one.display_name}
          </option>
        ))}
      </Select>
      <Field label={say('desk.channel')} hint={say('desk.channel_hint')} value={channel} onChange={(event) => setChannel(event.target.value)} placeholder="C024BE91L" required />
      <Problem of={save.error ?? remove.error} />
      <div className="actions">
        <Button type="submit" look="primary" busy={save.isPending}>
          {say('desk.save')}
        </Button>
        {known && (
          <Button busy={remove.isPending} onClick={() => remove.mutate()}>
            {say('desk.remove')}
          </Button>
        )}
        <span role="status">{known ? say('desk.saved') : say('desk.removed')}</span>
      </div>
    </form>
  )
}
