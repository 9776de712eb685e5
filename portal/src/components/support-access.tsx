// What the organization lets whoever runs the platform do for it. Off, unless an admin says otherwise.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { consentQuery } from '../api/queries'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Select } from '../ui/field'
import { Asking, Problem } from '../ui/states'

export function SupportAccess() {
  const say = useWords()
  const client = useQueryClient()
  const consent = useQuery(consentQuery)
  const change = useMutation({
    mutationFn: (access: string) => call('PUT /api/v1/impersonation/consent', { body: { access } }),
    onSuccess: (now) => client.setQueryData(consentQuery.queryKey, now),
  })
  return (
    <section className="panel" aria-labelledby="support-title">
      <h2 id="support-title">{say('support.title')}</h2>
      <p className="quiet">{say('support.text')}</p>
      <Asking query={consent} lines={1}>
        {({ access, since }) => (
          <Select
            label={say('support.access')}
            hint={access === 'none' ? undefined : say('support.since', { when: moment(since) })}
            value={access}
            disabled={change.isPending}
            onChange={(event) => change.mutate(event.target.value)}
          >
            <option value="none">{say('support.none')}</option>
            <option value="read">{say('support.read')}</option>
            <option value="write">{say('support.write')}</option>
          </Select>
        )}
      </Asking>
      <Problem of={change.error} />
    </section>
  )
}
