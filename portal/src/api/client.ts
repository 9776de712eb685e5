// The only fetch of the API. It carries the session's token, renews the session once it expired, and when that fails too
// asks the person to sign in again: the request waits meanwhile, so that nothing typed is lost.
import type { Operations, Problem, Session } from './schema'

export type Route = keyof Operations
export type Answer<R extends Route> = Operations[R]['answer']
type Request<R extends Route> = Operations[R]['request']
type Arguments<R extends Route> = object extends Request<R> ? [request?: Request<R>] : [request: Request<R>]

const ANSWER_TIMEOUT_MS = 30_000

/** What the gateway refused, in its own words; without a problem document, what we know instead. */
export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail)
  }
}

/** Nothing came back: the line, not the gateway's opinion. */
export class Unreachable extends Error {}

let csrfToken = ''
let renewal: Promise<Session> | null = null
let askToSignIn: (() => Promise<void>) | null = null

/** While a page of somebody who is signed in is open: how to get them signed in again. */
export function whenExpired(ask: (() => Promise<void>) | null): void {
  askToSignIn = ask
}

/** What gives a session: its token goes with every later request. */
export function holdSession(session: Session): Session {
  csrfToken = session.csrf_token
  return session
}

export function call<R extends Route>(route: R, ...[request]: Arguments<R>): Promise<Answer<R>> {
  return signedIn(() => callOnce(route, request))
}

/** Asks anew once the session was renewed, or the person has signed in again. */
export async function signedIn<T>(once: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await renewing(once)
    } catch (problem) {
      if (!isExpiry(problem) || askToSignIn === null) throw problem
      await askToSignIn()
    }
  }
}

async function renewing<T>(once: () => Promise<T>): Promise<T> {
  try {
    return await once()
  } catch (problem) {
    if (!isExpiry(problem)) throw problem
    await renew()
    return once()
  }
}

/** Several requests that expire together share one renewal. */
function renew(): Promise<Session> {
  renewal ??= callOnce('POST /api/v1/auth/refresh')
    .then(holdSession)
    .finally(() => {
      renewal = null
    })
  return renewal
}

export async function callOnce<R extends Route>(route: R, request?: Request<R>): Promise<Answer<R>> {
  const [method, template] = route.split(' ') as [string, string]
  const { path, query, headers, body } = (request ?? {}) as { path?: Texts; query?: Texts; headers?: Record<string, string>; body?: unknown }
  const response = await ask(address(template, path, query), method, body, headers)
  if (!response.ok) throw await problemOf(response)
  // What was only agreed to says nothing.
  const said = await response.text()
  return (said === '' ? undefined : JSON.parse(said)) as Answer<R>
}

type Texts = Record<string, string | number | boolean | null | undefined>

/** Whoever sends without `fetch` needs it, too. */
export const sessionToken = (): string => csrfToken

export function address(template: string, path: Texts = {}, query: Texts = {}): string {
  const place = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name])))
  const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== null)
  const search = new URLSearchParams(asked.map(([name, value]) => [name, String(value)]))
  return search.size > 0 ? `${place}?${search}` : place
}

async function ask(url: string, method: string, body: unknown, given: Record<string, string> = {}): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', ...given }
  if (method !== 'GET' && csrfToken !== '') headers['x-csrf-token'] = csrfToken
  if (body !== undefined) headers['content-type'] = 'application/json'
  try {
    return await fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
  } catch (error) {
    throw new Unreachable('The gateway did not answer.', { cause: error })
  }
}

async function problemOf(response: Response): Promise<ApiProblem> {
  return asProblem(response.status, await response.json().catch(() => null))
}

export function asProblem(status: number, answer: unknown): ApiProblem {
  const body = answer as Partial<Problem> | null
  const known = typeof body?.code === 'string' && typeof body.detail === 'string'
  return known ? new ApiProblem(status, body.code ?? '', body.detail ?? '') : new ApiProblem(status, 'strange', '')
}

/** A wrong password or code is a 401, too, but no expiry. */
function isExpiry(problem: unknown): boolean {
  return problem instanceof ApiProblem && problem.status === 401 && problem.code === 'unauthorized'
}
