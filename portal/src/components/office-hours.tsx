// When somebody of the organization is there, and by which clock.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { officeHoursQuery } from '../api/routines'
import type { OfficeHours as Hours } from '../api/schema'
import { DAYS, daysOf, stretchesOf, weekOf, zones } from '../lib/office-hours'
import { usePreferences } from '../lib/preferences'
import { weekdays } from '../lib/schedules'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Asking, Problem } from '../ui/states'

export function OfficeHours() {
  const say = useWords()
  const hours = useQuery(officeHoursQuery)
  return (
    <section className="panel" aria-labelledby="hours-title">
      <h2 id="hours-title">{say('hours.title')}</h2>
      <p className="quiet">{say('hours.text')}</p>
      <Asking query={hours} lines={4}>
        {(known) => <HoursForm known={known} />}
      </Asking>
    </section>
  )
}

function HoursForm({ known }: { known: Hours }) {
  const say = useWords()
  const client = useQueryClient()
  const names = weekdays(usePreferences().language)
  const [zone, setZone] = useState(known.time_zone)
  const [week, setWeek] = useState(() => weekOf(known.week))
  const [closed, setClosed] = useState((known.closed_days ?? []).join(', '))
  const save = useMutation({
    mutationFn: () => call('PUT /api/v1/office-hours', { body: { time_zone: zone.trim(), week: daysOf(week), closed_days: stretchesOf(closed) } }),
    onSuccess: (now) => client.setQueryData(officeHoursQuery.queryKey, now),
  })
  const isEmpty = Object.values(week).every((stretches) => stretches.trim() === '')
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
      onChange={() => save.reset()}
    >
      <Field label={say('hours.zone')} hint={say('hours.zone_hint')} value={zone} onChange={(event) => setZone(event.target.value)} list="time-zones" required />
      <datalist id="time-zones">
        {zones().map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <div className="week">
        {DAYS.map((day, n) => (
          <Field key={day} label={names[n]?.[1] ?? day} value={week[day]} placeholder="09:00-17:00" onChange={(event) => setWeek({ ...week, [day]: event.target.value })} />
        ))}
      </div>
      <p className="hint">{say(isEmpty ? 'hours.nothing' : 'hours.day_hint')}</p>
      <Field label={say('hours.closed')} hint={say('hours.closed_hint')} value={closed} onChange={(event) => setClosed(event.target.value)} />
      <Problem of={save.error} />
      <div className="actions">
        <Button type="submit" look="primary" busy={save.isPending}>
          {say('hours.save')}
        </Button>
        {save.isSuccess && <span role="status">{say('hours.saved')}</span>}
      </div>
    </form>
  )
}
