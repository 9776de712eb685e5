// `GET /readyz`, which is no part of the API and answers 200 or 503 with the same body.

export interface Check {
  name: string
  ready: boolean
  required: boolean
  detail: string
}

export interface Readiness {
  ready: boolean
  checks: Check[]
}

/** What a question to the gateway can come to. */
export type Outcome =
  | { kind: 'answered'; readiness: Readiness }
  /** Nothing came back in time. */
  | { kind: 'silent' }
  /** Something answered that is not the gateway: a proxy's error page, say. */
  | { kind: 'strange'; status: number }

const ANSWER_TIMEOUT_MS = 4_000

export async function askReadiness(): Promise<Outcome> {
  let response: Response
  let body: unknown
  try {
    response = await fetch('/readyz', {
      cache: 'no-store',
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    body = await response.json().catch(neverAnObject)
  } catch {
    return { kind: 'silent' }
  }
  return isReadiness(body) ? { kind: 'answered', readiness: body } : { kind: 'strange', status: response.status }
}

/** A body that breaks off is silence; one that is not JSON is strange. */
function neverAnObject(error: unknown): null {
  if (error instanceof SyntaxError) return null
  throw error
}

function isReadiness(body: unknown): body is Readiness {
  if (!isRecord(body)) return false
  return typeof body.ready === 'boolean' && Array.isArray(body.checks) && body.checks.every(isCheck)
}

function isCheck(check: unknown): check is Check {
  return (
    isRecord(check) &&
    typeof check.name === 'string' &&
    typeof check.ready === 'boolean' &&
    typeof check.required === 'boolean' &&
    typeof check.detail === 'string'
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
