// What an endpoint asks for, as people see it, and back again.
import { expect, test } from 'vitest'
import { actsIn, hasMessages, kindsIn } from './own-systems'

test('no name at all is the whole log, and nothing of messages', () => {
  expect(kindsIn([])).toEqual({ kinds: ['log'], acts: [] })
  expect(hasMessages(kindsIn([]).kinds)).toBe(false)
})

test('a word for all messages is each of them, and acts keep their names', () => {
  expect(kindsIn(['message', 'approval.ask'])).toEqual({
    kinds: ['message.received', 'message.answered', 'message.replied', 'message.edited', 'message.deleted'],
    acts: ['approval.ask'],
  })
  expect(kindsIn(['notice.budget_alert', 'message.edited']).acts).toEqual(['notice.budget_alert'])
})

test('acts are typed with commas or blanks', () => {
  expect(actsIn(' conversation, approval.ask  ')).toEqual(['conversation', 'approval.ask'])
})
