// Where one is signed in.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { devicesQuery } from '../api/queries'
import type { DeviceBody } from '../api/schema'
import { leave } from '../api/session'
import { browserOf } from '../lib/browsers'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking } from '../ui/states'
import { ProveOwner, type Proof } from './prove-owner'

export function Devices() {
  const say = useWords()
  const client = useQueryClient()
  const devices = useQuery(devicesQuery)
  const nameOf = ({ agent }: DeviceBody) => browserOf(agent) ?? say('settings.unknown_device')
  const [ending, setEnding] = useState<DeviceBody | 'all' | null>(null)
  const end = useMutation({
    mutationFn: ({ which, proof }: { which: DeviceBody | 'all'; proof: Proof }) =>
      which === 'all'
        ? call('DELETE /api/v1/auth/sessions', { body: proof })
        : call('DELETE /api/v1/auth/sessions/{session_id}', { path: { session_id: which.id }, body: proof }),
    onSuccess: (_, { which }) => {
      if (which === 'all') return leave('/signin')
      setEnding(null)
      return client.invalidateQueries({ queryKey: devicesQuery.queryKey })
    },
  })
  const ask = (which: DeviceBody | 'all') => {
    end.reset()
    setEnding(which)
  }
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
                    onClick={() => ask(device)}
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
      <Button onClick={() => ask('all')}>{say('settings.sign_out_all')}</Button>
      {ending !== null && (
        <ProveOwner
          title={ending === 'all' ? say('settings.sign_out_all') : `${say('settings.sign_out_device')}: ${nameOf(ending)}`}
          busy={end.isPending}
          problem={end.error}
          onClose={() => setEnding(null)}
          onProve={(proof) => end.mutate({ which: ending, proof })}
        >
          <p>{say('settings.sign_out_prove')}</p>
        </ProveOwner>
      )}
    </section>
  )
}
