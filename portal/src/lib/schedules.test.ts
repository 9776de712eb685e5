// When a routine is due, as people say it and as cron has it.
import { expect, test } from 'vitest'
import { changesOf, formOfRoutine } from './routines'
import { lineOf, NEW_SCHEDULE, scheduleOf, weekdays } from './schedules'

test('each way of saying it is a line, and the line is that way again', () => {
  for (const line of ['0 9 * * 1-5', '30 17 * * *', '5 * * * *', '0 8 * * 0', '15 6 1 * *']) {
    expect(lineOf(scheduleOf(line)), line).toBe(line)
    expect(scheduleOf(line).often, line).not.toBe('line')
  }
  expect(scheduleOf('0 8 * * 7').weekday, 'Sunday has two numbers').toBe(0)
})

test('what the form does not know stays a line, and loses nothing', () => {
  for (const line of ['*/30 9-17 * * 1-5', '0 9 1 1 *', '0 9 1 * 1', '61 9 * * *', '0 9 * *', 'nonsense']) {
    expect(scheduleOf(line), line).toMatchObject({ often: 'line', line })
    expect(lineOf(scheduleOf(line)), line).toBe(line)
  }
})

test('of a routine only what was changed is sent', () => {
  const before = formOfRoutine(undefined)
  expect(changesOf(before, { ...before, name: ' ', schedule: scheduleOf('0 9 * * 1-5') })).toEqual({})
  expect(changesOf(before, { ...before, channel: 'C1 ', schedule: scheduleOf('0 9 * * *') })).toEqual({ channel: 'C1', schedule: '0 9 * * *' })
})

test('without a time there is no line yet', () => {
  expect(lineOf({ ...NEW_SCHEDULE, time: '' })).toBe('')
})

test('weeks begin on Monday, in the reader’s language', () => {
  const names = weekdays('de').map(([, name]) => name)
  expect([names[0], names[6]]).toEqual(['Montag', 'Sonntag'])
  expect(weekdays('en').map(([day]) => day)).toEqual([1, 2, 3, 4, 5, 6, 0])
})
