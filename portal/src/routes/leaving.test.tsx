// Tokens of mails, and what stays in a browser when a session ends.
import { act } from 'react'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { signOut } from '../api/session'
import { preferences } from '../lib/preferences'
import { gateway, open, openAsStranger, page, shows } from './stage'

const answer = (status: number, body: unknown) => new Response(status === 204 ? null : JSON.stringify(body), { status })
const replaced = vi.fn()

beforeEach(() => {
  vi.stubGlobal('location', { ...location, replace: replaced, pathname: '/', search: '', hash: '' })
})

afterEach(() => {
  replaced.mockReset()
  vi.useRealTimers()
})

test('a token out of a mail is shown to the gateway in a body, also from a link of an older mail', async () => {
  for (const address of ['/accept#token=ksi_12', '/accept?token=ksi_12']) {
    gateway.mockReset()
    gateway.mockImplementation(async () => answer(200, { tenant_name: 'Acme', mail: 'a@example.com', role: 'customer_admin', has_account: false }))
    await openAsStranger(address)
    await shows('Join Acme')
    const asked = gateway.mock.calls.find(([url]) => String(url).endsWith('/api/v1/auth/invitation'))
    expect(JSON.parse(String(asked?.[1]?.body))).toEqual({ token: 'ksi_12' })
    expect(gateway.mock.calls.every(([url]) => !String(url).includes('ksi_12'))).toBe(true)
  }
})

test('whoever signs out is led to a new page, and theme and language outlive what the browser forgets', async () => {
  gateway.mockImplementation(async () => {
    localStorage.clear()
    return answer(204, null)
  })
  await signOut()
  expect(replaced).toHaveBeenCalledWith('/signin')
  expect(JSON.parse(localStorage.getItem('konstruct.preferences') ?? '{}')).toEqual(preferences())
})

test('without an answer the page goes all the same, and the next one says what that means', async () => {
  gateway.mockRejectedValue(new TypeError('no line'))
  await signOut()
  expect(replaced).toHaveBeenCalledWith('/signin?signed_out=unsure')
  await openAsStranger('/signin?signed_out=unsure')
  await shows('this browser may still be signed in')
})

test('a page whose session ran out is hidden behind the form, and goes when nobody signs in', async () => {
  gateway.mockImplementation(async () => answer(401, { code: 'unauthorized', detail: 'Sign in.' }))
  vi.useFakeTimers({ shouldAdvanceTime: true })
  await open('/people')
  await vi.waitFor(() => act(async () => expect(page.querySelector('dialog.hides')).not.toBeNull()), { timeout: 5_000 })
  await act(async () => vi.advanceTimersByTimeAsync(9 * 60_000))
  expect(replaced).not.toHaveBeenCalled()
  await act(async () => vi.advanceTimersByTimeAsync(2 * 60_000))
  expect(replaced).toHaveBeenCalledWith('/signin')
})
