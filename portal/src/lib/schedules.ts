// When a routine is due: a few ways that people speak of it, and the five fields of cron, which the gateway keeps.

export type Often = 'hour' | 'day' | 'weekdays' | 'week' | 'month' | 'line'

export interface Schedule {
  often: Often
  /** `09:00`; of an hourly one only the minutes count. */
  time: string
  /** 0 is Sunday, as in cron. */
  weekday: number
  day: number
  /** What is written where none of the ways fits. */
  line: string
}

export const OFTEN: Often[] = ['weekdays', 'day', 'week', 'month', 'hour', 'line']
export const NEW_SCHEDULE: Schedule = { often: 'weekdays', time: '09:00', weekday: 1, day: 1, line: '' }

const SUNDAY = 7
const two = (number: number): string => String(number).padStart(2, '0')
const isBelow = (text: string | undefined, end: number): text is string => text !== undefined && /^\d{1,2}$/.test(text) && Number(text) < end

/** What the form does not know stays a line. */
export function scheduleOf(line: string): Schedule {
  const [minute, hour, day, month, weekday, ...rest] = line.trim().split(/\s+/)
  const asLine: Schedule = { ...NEW_SCHEDULE, often: 'line', line }
  if (rest.length > 0 || month !== '*' || !isBelow(minute, 60)) return asLine
  if (hour === '*') return day === '*' && weekday === '*' ? { ...asLine, often: 'hour', time: `00:${two(Number(minute))}` } : asLine
  if (!isBelow(hour, 24)) return asLine
  const at = { ...asLine, time: `${two(Number(hour))}:${two(Number(minute))}` }
  if (day === '*' && weekday === '*') return { ...at, often: 'day' }
  if (day === '*' && weekday === '1-5') return { ...at, often: 'weekdays' }
  if (day === '*' && isBelow(weekday, SUNDAY + 1)) return { ...at, often: 'week', weekday: Number(weekday) % SUNDAY }
  if (weekday === '*' && isBelow(day, 32) && Number(day) > 0) return { ...at, often: 'month', day: Number(day) }
  return asLine
}

/** Empty as long as there is no time. */
export function lineOf({ often, time, weekday, day, line }: Schedule): string {
  if (often === 'line') return line.trim().replace(/\s+/g, ' ')
  const [hour, minute] = time.split(':').map(Number)
  if (hour === undefined || minute === undefined || Number.isNaN(hour) || Number.isNaN(minute)) return ''
  switch (often) {
    case 'hour':
      return `${minute} * * * *`
    case 'day':
      return `${minute} ${hour} * * *`
    case 'weekdays':
      return `${minute} ${hour} * * 1-5`
    case 'week':
      return `${minute} ${hour} * * ${weekday}`
    case 'month':
      return `${minute} ${hour} ${day} * *`
  }
}

/** Monday first; each in the reader's language. */
export function weekdays(locale: string): [number, string][] {
  const name = new Intl.DateTimeFormat(locale, { weekday: 'long', timeZone: 'UTC' })
  // The fourth of January 1970 was a Sunday.
  return [1, 2, 3, 4, 5, 6, 0].map((day) => [day, name.format(new Date(Date.UTC(1970, 0, 4 + day)))])
}
