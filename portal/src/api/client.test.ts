// The one fetch: tokens, renewal, and waiting for a person to sign in again.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ApiProblem, Unreachable, call, holdSession, whenExpired } from './client'
import type { Session } from './schema'

const gateway = vi.fn<typeof fetch>()
const SESSION = { csrf_token: 'token', memberships: [] } as unknown as Session
const problem = (status: number, code: string) => Response.json({ code, detail: `It is ${code}.` }, { status })
const asked = () => gateway.mock.calls.map(([url, request]) => `${request?.method} ${String(url)}`)

beforeEach(() => vi.stubGlobal('fetch', gateway))

afterEach(() => {
  gateway.mockReset()
  whenExpired(null)
  vi.unstubAllGlobals()
})

test('places and questions are put into the address safely', async () => {
  gateway.mockImplementation(async () => Response.json({ items: [] }))
  await call('GET /api/v1/conversations/{conversation_id}/messages', {
    path: { conversation_id: 'a/../b' },
    query: { cursor: null, limit: 50 },
  })
  expect(asked()).toEqual(['GET /api/v1/conversations/a%2F..%2Fb/messages?limit=50'])
})

test('what changes something carries the session’s token, what reads does not', async () => {
  holdSession(SESSION)
  gateway.mockImplementation(async () => Response.json({}))
  await call('GET /api/v1/agents')
  await call('POST /api/v1/notices/seen', { body: { ids: [] } })
  const tokens = gateway.mock.calls.map(([, request]) => new Headers(request?.headers).get('x-csrf-token'))
  expect(tokens).toEqual([null, 'token'])
})

test('requests that expire together share one renewal', async () => {
  let isRenewed = false
  gateway.mockImplementation(async (url) => {
    if (String(url).endsWith('/refresh')) {
      isRenewed = true
      return Response.json(SESSION)
    }
    return isRenewed ? Response.json({ items: [] }) : problem(401, 'unauthorized')
  })
  await Promise.all([call('GET /api/v1/agents'), call('GET /api/v1/members')])
  expect(asked().filter((line) => line.includes('refresh'))).toHaveLength(1)
})

test('without a way to renew, the request waits until somebody signed in again', async () => {
  let isSignedIn = false
  gateway.mockImplementation(async () => (isSignedIn ? Response.json({ items: [] }) : problem(401, 'unauthorized')))
  whenExpired(async () => {
    isSignedIn = true
  })
  expect(await call('GET /api/v1/agents')).toEqual({ items: [] })
})

test('before anybody signed in there is nobody to ask', async () => {
  gateway.mockImplementation(async () => problem(401, 'unauthorized'))
  await expect(call('GET /api/v1/me')).rejects.toMatchObject({ status: 401 })
})

test('a wrong password is no expiry', async () => {
  gateway.mockImplementation(async () => problem(401, 'wrong_password'))
  await expect(call('POST /api/v1/auth/login', { body: { mail: 'a', password: 'b' } })).rejects.toThrow('It is wrong_password.')
  expect(gateway).toHaveBeenCalledTimes(1)
})

test('a broken line and another program’s answer are told apart', async () => {
  gateway.mockRejectedValueOnce(new TypeError('failed'))
  await expect(call('GET /api/v1/agents')).rejects.toBeInstanceOf(Unreachable)
  gateway.mockResolvedValueOnce(new Response('<html>', { status: 502 }))
  await expect(call('GET /api/v1/agents')).rejects.toEqual(new ApiProblem(502, 'strange', ''))
})
