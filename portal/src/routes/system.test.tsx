// The page of the installation: well, with something missing, and for somebody who may not see it.
import { expect, test } from 'vitest'
import { gateway, open, page, shows } from './stage'

const LOAD = { lanes_waiting: 0, oldest_lane_seconds: 0, jobs_waiting: 3, oldest_job_seconds: 150, jobs_dead: 2 }
const process = (role: string, change: object = {}) => ({ name: `${role}-1`, role, version: '0.1.0', started_at: '2026-11-27T12:00:00Z', beat_at: '2026-11-27T12:00:00Z', alive: true, ...change })
const provider = (name: string, answered: number, failed: number) => ({ provider: name, answered, failed, last_answered_at: answered ? '2026-11-27T12:00:00Z' : null, last_failed_at: null })
const STATUS = {
  version: '0.1.0', load: LOAD, processes: [process('gateway'), process('orchestrator'), process('worker')],
  providers: [provider('slack', 9, 0), provider('model', 9, 2), provider('mail', 1, 5), provider('stripe', 0, 0)],
}

function answers(status: object, code = 200): void {
  const at = new Date(Math.floor(Date.now() / 360_000) * 360_000).toISOString()
  const history = { minutes: 6, items: [{ at, gateways: 1, orchestrators: 1, workers: 2, load: LOAD }], providers: [{ at, provider: 'mail', answered: 1, failed: 5 }, { at, provider: 'model', answered: 9, failed: 2 }] }
  gateway.mockImplementation(async (url) => {
    const address = String(url)
    if (address.includes('/status/history')) return Response.json(history)
    if (address.includes('/status')) return Response.json(status, { status: code })
    return Response.json({ items: [] })
  })
}

const rows = () => [...page.querySelectorAll('tbody tr')].map((row) => row.textContent ?? '')

test('what waits, who is alive and how providers answer stands there', async () => {
  answers(STATUS)
  await open('/system')
  await shows('Look at dead letters')
  expect(page.querySelector('.tiles')?.textContent).toContain('the first for 2.5 min')
  expect(rows()[0]).toContain('Slack well9–')
  expect(rows()[1]).toContain('Models of the platform troubled112')
  expect(rows()[2]).toContain('Mail server does not answer65')
  expect(rows()[3]).toContain('Stripe not called0–not for 30 days')
  expect(page.querySelector('[role=alert]')).toBeNull()
  await shows('The time before')
  await shows('As a table')
  const last = [...page.querySelectorAll('.bar title')].at(-1)?.textContent
  expect(last).toMatch(/: 0$/)
})

test('failures of all providers are added up', async () => {
  answers(STATUS)
  await open('/system?graph=failures')
  await shows('As a table')
  expect([...page.querySelectorAll('.bar title')].at(-1)?.textContent).toMatch(/: 7$/)
  expect(page.querySelectorAll('.bar').length).toBe(240)
})

test('a role that nobody plays, a process that is silent and another version are said', async () => {
  answers({ ...STATUS, processes: [process('gateway', { version: '0.0.9' }), process('worker', { alive: false })] })
  await open('/system')
  await shows('No worker is alive. Start one: konstruct worker')
  expect(page.textContent).toContain('No orchestrator is alive')
  expect(page.textContent).not.toContain('No gateway is alive')
  expect(page.textContent).toContain('silent')
  expect(page.textContent).toContain('version 0.0.9')
})

test('who does not look after the platform is told so', async () => {
  answers({ type: 'about:blank', title: 'Forbidden', status: 403, code: 'forbidden', detail: 'no' }, 403)
  await open('/system')
  await shows('Only who looks after the platform sees this')
  expect(page.textContent).not.toContain('Dead letters')
})
