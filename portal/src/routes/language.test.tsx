// Another language comes when somebody chooses it, on the page that is open.
import { act } from 'react'
import { afterEach, expect, test } from 'vitest'
import { prefer } from '../lib/preferences'
import { followLanguage } from '../lib/words'
import { gateway, open, page, shows } from './stage'

afterEach(() => prefer({ language: 'en' }))

test('a page speaks English until another language is chosen, and goes back', async () => {
  gateway.mockImplementation(async () => Response.json({ items: [], next_cursor: null }))
  await followLanguage()
  await open('/contacts')
  await shows('Nobody has written yet')
  await act(async () => prefer({ language: 'de' }))
  await shows('Noch hat niemand geschrieben')
  expect(page.querySelector('h1')?.textContent).toBe('Kontakte')
  await act(async () => prefer({ language: 'en' }))
  await shows('Nobody has written yet')
})
