// When a routine is due, as people say it; what they can't say here is a line of cron.
import { useQuery } from '@tanstack/react-query'
import { officeHoursQuery } from '../api/routines'
import { ownZone } from '../lib/money'
import { OFTEN, weekdays, type Often, type Schedule } from '../lib/schedules'
import { locale } from '../lib/time'
import { useWords, type Word } from '../lib/words'
import { Field, Select } from '../ui/field'

const LINE_MAX = 100
const LAST_DAY = 31

const WORDS: Record<Often, Word> = {
  hour: 'schedule.hour',
  day: 'schedule.day',
  weekdays: 'schedule.weekdays',
  week: 'schedule.week',
  month: 'schedule.month',
  line: 'schedule.line',
}

interface ScheduleFieldsProps {
  schedule: Schedule
  isFixed: boolean
  onChange: (schedule: Schedule) => void
}

export function ScheduleFields({ schedule, isFixed, onChange }: ScheduleFieldsProps) {
  const say = useWords()
  const hours = useQuery(officeHoursQuery)
  const write = (change: Partial<Schedule>) => onChange({ ...schedule, ...change })
  const { often } = schedule
  const clock = hours.data?.time_zone
  // Times that are shown are the reader's own, as everywhere.
  const zone = clock && say(clock === ownZone() ? 'schedule.zone' : 'schedule.other_zone', { zone: clock })
  return (
    <div className="schedule">
      <Select label={say('schedule.often')} value={often} disabled={isFixed} onChange={(event) => write({ often: event.target.value as Often })}>
        {OFTEN.map((one) => (
          <option key={one} value={one}>
            {say(WORDS[one])}
          </option>
        ))}
      </Select>
      {often === 'week' && (
        <Select label={say('schedule.weekday')} value={schedule.weekday} disabled={isFixed} onChange={(event) => write({ weekday: Number(event.target.value) })}>
          {weekdays(locale()).map(([day, name]) => (
            <option key={day} value={day}>
              {name}
            </option>
          ))}
        </Select>
      )}
      {often === 'month' && (
        <Field label={say('schedule.day_of_month')} type="number" min={1} max={LAST_DAY} value={schedule.day} readOnly={isFixed} onChange={(event) => write({ day: Number(event.target.value) })} required />
      )}
      {often === 'line' ? (
        <Field label={say('schedule.cron')} hint={say('schedule.cron_hint', { zone: clock ?? 'UTC' })} placeholder="0 9 * * 1" value={schedule.line} readOnly={isFixed} onChange={(event) => write({ line: event.target.value })} maxLength={LINE_MAX} spellCheck={false} required />
      ) : (
        <Field label={say(often === 'hour' ? 'schedule.minute' : 'schedule.at')} hint={zone} type="time" value={schedule.time} readOnly={isFixed} onChange={(event) => write({ time: event.target.value })} required />
      )}
    </div>
  )
}
