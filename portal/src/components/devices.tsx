// Where one is signed in.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { devicesQuery } from '../api/queries'
import type { DeviceBody } from '../api/schema'
import { leave } from '../api/session'
import { browserOf } from '../lib/browsers'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Problem } from '../ui/states'

export function Devices() {
  const say = useWords()
  const client = useQueryClient()
  const devices = useQuery(devicesQuery)
  const nameOf = ({ agent }: DeviceBody) => browserOf(agent) ?? say('settings.unknown_device')
  const end = useMutation({
    mutationFn: (id: string) => call('DELETE /api/v1/auth/sessions/{session_id}', { path: { session_id: id } }),
    onSuccess: () => client.invalidateQueries({ queryKey: devicesQuery.queryKey }),
  })
  const endAll = useMutation({
    mutationFn: () => call('DELETE /api/v1/auth/sessions'),
    onSuccess: leave,
  })
  return (
    <section className="panel" aria-labelledby="devices-title">
      <h2 id="devices-title">{say('settings.devices')}</h2>
      <p className="quiet">{say('settings.devices_text')}</p>
      <Asking query={devices} lines={2}>
        {({ items }) => (
          <ul className="lines">
            {items.map((device) => (
              <li key={device.id}>
                <span title={device.agent}>
                  {nameOf(device)} {device.is_current && <Badge mood="good">{say('settings.this_device')}</Badge>}
                  <span className="quiet" title={moment(device.last_seen_at)}>
                    {device.address} · {say('settings.last_seen', { when: ago(device.last_seen_at) })}
                  </span>
                </span>
                {!device.is_current && (
                  <Button
                    busy={end.isPending}
                    onClick={() => end.mutate(device.id)}
                    aria-label={`${say('settings.sign_out_device')}: ${nameOf(device)}`}
                  >
                    {say('settings.sign_out_device')}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Asking>
      <Problem of={end.error ?? endAll.error} />
      <Button busy={endAll.isPending} onClick={() => endAll.mutate()}>
        {say('settings.sign_out_all')}
      </Button>
    </section>
  )
}
