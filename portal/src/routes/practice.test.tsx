// Pages of what is tried and of what is done by the clock: for who may only look, when something fails, and what is sent.
import { act } from 'react'
import { expect, test, vi } from 'vitest'
import { gateway, open, page, shows } from './stage'

const AGENT = { id: 'agt_1', name: 'Ada', role: '', tone: '', instructions: 'Be brief.', model: null, models: [], tools: [], is_default: true, version: 1 }
const ROUTINE = { id: 'rou_1', name: 'Open tickets', agent: 'agt_1', connection: 'con_1', channel: 'C1', instruction: 'Post them.', schedule: '0 9 * * 1-5', business_hours: false, enabled: false, next_at: null, last_at: null, created_by: 'usr_1', created_at: '2026-11-27T12:00:00Z' }
const CASE = { id: 'cas_1', name: 'Hotels', question: 'How much?', agent_id: null, must_contain: ['120'], must_cite: [], must_escalate: false, blocks: true }
const ANSWER = { id: 'rhr_1', state: 'done', answer: '<b>130</b>', reason: null, answered_by: 'm', input_tokens: 1, output_tokens: 1, recalled: [], diff: [], created_at: '2026-11-27T12:00:00Z', finished_at: null, model: null, instructions: null, memory: true }
const TALK = { id: 'cnv_1', channel: 'whatsapp', connection_id: 'con_1', handler: 'human', kind: 'direct', last_message_at: '2026-11-27T12:00:00Z', place: '49', place_name: 'Ada' }

/** By the end of the address; anything else is an empty list. */
const DOLLARS = { currency: 'USD', usd_per_unit: '1', rates: [] }

function answers(known: Record<string, unknown>): void {
  gateway.mockImplementation(async (url) => {
    const path = new URL(String(url), 'http://localhost').pathname
    const found = Object.entries({ '/currency': DOLLARS, ...known }).find(([end]) => path.endsWith(end))?.[1]
    if (found instanceof Response) return found.clone()
    return Response.json(found ?? { items: path.endsWith('/agents') ? [AGENT] : [], next_cursor: null })
  })
}

const buttons = () => [...page.querySelectorAll('main button, main .actions a, main a.button')].map((one) => one.textContent)
const press = (name: string) => act(async () => [...page.querySelectorAll<HTMLElement>('main button')].find((one) => one.textContent === name)?.click())

test('who may only look sees a routine, and nothing to press', async () => {
  answers({ '/routines': { items: [ROUTINE] }, '/office-hours': { time_zone: 'Europe/Berlin' } })
  await open('/routines', { read_only: true })
  await shows('Switched off')
  await shows('By the clock of Europe/Berlin')
  expect(buttons()).toEqual([])
  expect(page.querySelector('[role=switch]')).toBeNull()
})

test('routines that can’t be had say so, and are asked for again', async () => {
  answers({ '/routines': new Response('no', { status: 503 }) })
  await open('/routines')
  await shows('That did not work')
  answers({ '/routines': { items: [ROUTINE] } })
  await press('Try again')
  await shows('Open tickets')
})

test('a trial says what an answer lacks, and shows it as text', async () => {
  const tried = { case_id: 'cas_1', name: 'Hotels', passed: false, complaints: ['It does not say “120”.'], answer: ANSWER }
  answers({ '/cases': { items: [CASE] }, '/cases/trials/trl_1': { id: 'trl_1', state: 'done', passed: 0, failed: 1, items: [tried] } })
  await open('/cases?trial=trl_1')
  await shows('0 of 1 passed, 1 failed.')
  await shows('It does not say “120”.')
  expect(page.querySelector('.trial-results .said')?.textContent).toBe('<b>130</b>')
  expect(page.querySelector('.rule-list')?.textContent).toContain('blocks')
})

test('an operator tries cases, and does not write them', async () => {
  answers({ '/cases': { items: [CASE] } })
  await open('/cases', { role: 'customer_operator' })
  await shows('Hotels')
  expect(buttons()).toContain('Try all of them')
  expect(buttons()).not.toContain('Save')
  expect(buttons()).not.toContain('New case')
})

test('a side conversation says that nothing is sent, and marks what was not', async () => {
  const fork = { id: 'frk_1', conversation_id: 'cnv_1', message_id: 'msg_1', agent_id: 'agt_1', model: 'large', instructions: null, memory: true, created_at: '2026-11-27T12:00:00Z' }
  answers({ '/forks/frk_1': { fork, side: [{ text: 'And <i>trains</i>?', answer: ANSWER }], original: [] }, '/conversations/cnv_1': TALK })
  await open('/inbox?conversation=cnv_1&fork=frk_1')
  await shows('Nothing here is sent to the channel')
  await shows('And <i>trains</i>?')
  await shows('not sent')
  expect(page.querySelector('.talk')?.hasAttribute('hidden')).toBe(true)
})

test('a colleague on WhatsApp may ask for the number with an answer, and on Slack may not', async () => {
  answers({ '/conversations/cnv_1': TALK, '/reply': { message_id: 'msg_9' } })
  await open('/inbox?conversation=cnv_1')
  await shows('Ask for their phone number')
  const text = page.querySelector<HTMLTextAreaElement>('.reply textarea')
  await act(async () => {
    page.querySelector<HTMLInputElement>('.reply-asks input')?.click()
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')?.set?.call(text, 'May I have your number?')
    text?.dispatchEvent(new Event('input', { bubbles: true }))
  })
  await press('Send')
  await vi.waitFor(() => expect(gateway.mock.calls.some(([url]) => String(url).endsWith('/reply'))).toBe(true))
  const sent = gateway.mock.calls.find(([url]) => String(url).endsWith('/reply'))?.[1]
  expect(JSON.parse(String(sent?.body))).toMatchObject({ text: 'May I have your number?', asks_for_number: true })
  answers({ '/conversations/cnv_1': { ...TALK, channel: 'slack' } })
  await open('/inbox?conversation=cnv_1')
  await shows('Answer as Grace')
  expect(page.textContent).not.toContain('Ask for their phone number')
})

test('a plan that is paid says so when the organization is suspended all the same', async () => {
  const billing = { access: 'suspended', plan: 'pro', plans: [], sells: true, subscription: { status: 'active', cancel_at: null, current_period_end: null, past_due_since: null, plan: 'pro' } }
  answers({ '/billing': billing })
  await open('/billing')
  await shows('Your organization is suspended')
})

const CONSENT = { access: 'none', since: '2026-11-27T12:00:00Z' }

test('office hours are shown as lines, and sent as stretches', async () => {
  const HOURS = { time_zone: 'Europe/Berlin', week: { monday: ['09:00-12:00', '13:00-17:00'] }, closed_days: ['2026-12-25'] }
  answers({ '/office-hours': HOURS, '/consent': CONSENT })
  await open('/settings')
  await shows('Office hours')
  const field = (label: string) => {
    const id = [...page.querySelectorAll('label')].find((one) => one.textContent === label)?.htmlFor
    return page.querySelector<HTMLInputElement>(`[id="${id}"]`)!
  }
  await vi.waitFor(() => expect(field('Monday').value).toBe('09:00-12:00, 13:00-17:00'))
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(field('Tuesday'), ' 8:00 – 11:00 ;')
    field('Tuesday').dispatchEvent(new Event('input', { bubbles: true }))
  })
  await press('Save office hours')
  const sent = gateway.mock.calls.find(([, how]) => how?.method === 'PUT')
  expect(JSON.parse(String(sent?.[1]?.body))).toEqual({ ...HOURS, week: { ...HOURS.week, tuesday: ['8:00-11:00'] } })
  await shows('Saved.')
})

test('office hours that are refused keep what was typed', async () => {
  answers({ '/office-hours': { time_zone: 'UTC', week: {}, closed_days: [] }, '/consent': CONSENT })
  await open('/settings')
  await shows('nothing is said about when somebody is there')
  const refused = { type: 'about:blank', title: 'invalid', status: 400, code: 'invalid', detail: '`time_zone` must be a name of the tz database.' }
  gateway.mockImplementation(async () => Response.json(refused, { status: 400, headers: { 'content-type': 'application/problem+json' } }))
  await press('Save office hours')
  await shows('must be a name of the tz database')
  expect(page.textContent).not.toContain('Saved.')
})

test('languages are a main one and others, and may be taken back', async () => {
  answers({ '/languages': { languages: ['de', 'en'] }, '/office-hours': { time_zone: 'UTC' }, '/consent': CONSENT })
  await open('/settings')
  await shows('Others they answer in')
  const check = (label: string) => [...page.querySelectorAll<HTMLInputElement>('input[type=checkbox]')].find((one) => one.parentElement?.textContent === label)
  await vi.waitFor(() => expect(check('English')?.checked).toBe(true))
  expect(check('Deutsch')).toBeUndefined()
  await act(async () => check('Français')!.click())
  await press('Save languages')
  const sent = () => gateway.mock.calls.filter(([, how]) => how?.method === 'PUT').map(([, how]) => JSON.parse(String(how?.body)))
  expect(sent()).toEqual([{ languages: ['de', 'en', 'fr'] }])
  const main = [...page.querySelectorAll('select')].find((one) => one.textContent?.includes('Not said'))!
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, 'value')!.set!.call(main, '')
    main.dispatchEvent(new Event('change', { bubbles: true }))
  })
  await press('Save languages')
  expect(sent()[1]).toEqual({ languages: null })
  expect(page.textContent).not.toContain('Others they answer in')
})

test('who may not administrate is not asked for office hours', async () => {
  answers({ '/consent': CONSENT })
  await open('/settings', { role: 'customer_operator' })
  await shows('Appearance')
  expect(page.textContent).not.toContain('Office hours')
})

test('with one workspace only the channel of escalations is asked for, and it can be taken back', async () => {
  const slack = { id: 'con_1', channel: 'slack', display_name: 'Acme', bot_user_id: 'U1', external_id: 'T1', events_url: 'https://k/', status: 'active', created_at: '2026-11-27T12:00:00Z' }
  const known = { '/connections': { items: [slack] }, '/consent': CONSENT, '/office-hours': { time_zone: 'UTC' } }
  answers({ ...known, '/escalation-desk': { desk: null } })
  await open('/settings')
  await shows('Nothing is shown in Slack.')
  answers({ ...known, '/escalation-desk': { desk: { connection: 'con_1', channel: 'C9' } } })
  const channel = page.querySelector<HTMLInputElement>('input[placeholder=C024BE91L]')!
  await act(async () => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')!.set!.call(channel, ' C9 ')
    channel.dispatchEvent(new Event('input', { bubbles: true }))
  })
  await press('Show escalations there')
  const sent = gateway.mock.calls.find(([url, how]) => how?.method === 'PUT' && String(url).endsWith('/escalation-desk'))
  expect(JSON.parse(String(sent?.[1]?.body))).toEqual({ connection: 'con_1', channel: 'C9' })
  await shows('Escalations are shown there.')
  answers({ ...known, '/escalation-desk': new Response(null, { status: 204 }) })
  await press('Show none in Slack')
  await shows('Nothing is shown in Slack.')
})
