// A routine as a form, and what became of what agents come back to.
import type { ChangeRoutine, NewRoutine, RoutineBody } from '../api/schema'
import type { Mood } from '../ui/badge'
import { lineOf, NEW_SCHEDULE, scheduleOf, type Schedule } from './schedules'
import type { Word } from './words'

export interface RoutineForm {
  name: string
  agent: string
  connection: string
  channel: string
  instruction: string
  schedule: Schedule
  businessHours: boolean
}

export function formOfRoutine(routine: RoutineBody | undefined): RoutineForm {
  return {
    name: routine?.name ?? '',
    agent: routine?.agent ?? '',
    connection: routine?.connection ?? '',
    channel: routine?.channel ?? '',
    instruction: routine?.instruction ?? '',
    schedule: routine ? scheduleOf(routine.schedule) : NEW_SCHEDULE,
    businessHours: routine?.business_hours ?? false,
  }
}

/** Whether it is switched on is not the form's business. */
export function routineOf({ name, channel, schedule, businessHours, ...rest }: RoutineForm): NewRoutine {
  return { ...rest, name: name.trim(), channel: channel.trim(), schedule: lineOf(schedule), business_hours: businessHours }
}

export function changesOf(before: RoutineForm, after: RoutineForm): ChangeRoutine {
  const known = routineOf(before)
  return Object.fromEntries(Object.entries(routineOf(after)).filter(([name, value]) => known[name as keyof NewRoutine] !== value))
}

const STATES: Record<string, [Word, Mood]> = {
  waiting: ['follow_ups.waiting', 'calm'],
  begun: ['follow_ups.begun', 'good'],
  cancelled: ['follow_ups.cancelled', 'calm'],
  dropped: ['follow_ups.dropped', 'fair'],
}

export const followUpState = (state: string): [Word, Mood] => STATES[state] ?? ['follow_ups.dropped', 'calm']
