// How long somebody waits for a human, against what they were promised.
import { useEffect, useState } from 'react'
import type { Mood } from '../ui/badge'
import { locale } from './time'

const TICK_MS = 15_000
const MINUTE_MS = 60_000
/** As the gateway reminds: an escalation that nobody has taken by then. */
export const PROMISED_MS = 30 * MINUTE_MS

/** The time, again and again. */
export function useNow(tickMs: number = TICK_MS): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), tickMs)
    return () => clearInterval(timer)
  }, [tickMs])
  return now
}

export function length(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / MINUTE_MS))
  const unit = (value: number, name: 'minute' | 'hour' | 'day') =>
    value.toLocaleString(locale(), { style: 'unit', unit: name, unitDisplay: 'short' })
  if (minutes < 1) return `< ${unit(1, 'minute')}`
  if (minutes < 60) return unit(minutes, 'minute')
  if (minutes < 24 * 60) return `${unit(Math.floor(minutes / 60), 'hour')} ${unit(minutes % 60, 'minute')}`
  return unit(Math.floor(minutes / (24 * 60)), 'day')
}

export function moodOf(waited: number): Mood {
  if (waited >= PROMISED_MS) return 'bad'
  return waited >= PROMISED_MS / 2 ? 'fair' : 'good'
}
