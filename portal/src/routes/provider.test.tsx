// Signing in by the provider: its button, what is asked for on the way back, and how a visit can end.
import { act } from 'react'
import { expect, test, vi } from 'vitest'
import { gateway, openAsStranger as open, page, shows } from './stage'

const problem = (status: number, code: string) => Response.json({ status, code, detail: `The gateway says ${code}.` }, { status })
const bodies = () =>
  gateway.mock.calls.filter(([url]) => String(url).endsWith('/finish')).map(([, init]) => JSON.parse(String(init?.body)) as object)

async function send(value: string): Promise<void> {
  const field = page.querySelector('input')
  if (field === null) throw new Error('there is no field')
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(field, value)
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })
  await act(async () => page.querySelector('form')?.requestSubmit())
}

test('the button is there where there is a provider, and says what went wrong', async () => {
  gateway.mockImplementation(async () => Response.json({ signup: true, provider: { name: 'Acme' } }))
  await open('/signin?provider=denied')
  await shows('Continue with Acme')
  expect(page.querySelector('[role=alert]')?.textContent).toContain('You did not agree')
})

test('there is no button where there is no provider', async () => {
  gateway.mockImplementation(async () => Response.json({ signup: true, provider: null }))
  await open('/signin?provider=nonsense')
  await vi.waitFor(() => act(async () => expect(gateway).toHaveBeenCalled()))
  expect(page.textContent).not.toContain('Continue with')
  expect(page.querySelector('[role=alert]')).toBeNull()
})

test('password and code are asked for one after the other, and both are sent', async () => {
  const answers = [problem(401, 'password_required'), problem(401, 'code_required'), problem(401, 'wrong_code')]
  gateway.mockImplementation(async () => answers.shift() ?? problem(401, 'visit_over'))
  await open('/signin/provider')
  await shows('Show once that it is yours')
  expect(page.querySelector('[role=alert]')).toBeNull()
  await send('a password')
  await shows('authenticator app')
  await send(' 123456 ')
  await shows('The code does not fit')
  expect(bodies()).toEqual([{}, { password: 'a password' }, { password: 'a password', code: '123456' }])
})

test('a visit that is over leads back to the beginning', async () => {
  gateway.mockImplementation(async () => problem(401, 'visit_over'))
  await open('/signin/provider')
  await shows('Begin again')
  expect(page.querySelector('a.button')?.getAttribute('href')).toBe('/signin')
})
