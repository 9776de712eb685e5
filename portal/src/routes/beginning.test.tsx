// Before anything is there: what an agent may read on the way to its first answer, and whose page it is for who is in no tenant.
import { act } from 'react'
import { expect, test, vi } from 'vitest'
import type { DocumentBody, Session, TenantBody } from '../api/schema'
import { gateway, open, page, shows } from './stage'

const AT = '2026-11-27T12:00:00Z'
const DOCUMENT: DocumentBody = { id: 'doc_1', title: 'Prices', name: 'prices.md', agent_ids: [], content_type: 'text/markdown', created_at: AT, passages: 2, size: 9, state: 'ready' }
const TENANTS: TenantBody[] = [
  { id: 'ten_2', name: 'Bolt', plan: 'free', created_at: AT, support_access: 'read' },
  { id: 'ten_3', name: 'Closed', plan: 'free', created_at: AT, support_access: 'none' },
]
const LIMBO = { tenant_id: null, tenant_name: null, memberships: [], user: { id: 'usr_1', name: 'Grace', mail: 'g@example.com', is_platform_admin: true } } as unknown as Partial<Session>
const ACTING = { ...LIMBO, csrf_token: 't', role: 'customer_admin', read_only: true, is_owner: false, tenant_id: 'ten_2', tenant_name: 'Bolt', impersonation: { tenant_name: 'Bolt', user_name: 'Cara', reason: 'Usage', ticket: 'SUP-1', can_write: false, is_over: false, expires_at: '2126-11-27T12:00:00Z' } }
const REPORT = { currency: 'USD', usd_per_unit: '1', from: '2026-11-01', to: '2026-11-27', time_zone: 'UTC', items: [] }

function answers(known: Record<string, unknown>): void {
  gateway.mockImplementation(async (url, how) => {
    const asked = `${how?.method ?? 'GET'} ${new URL(String(url), 'http://localhost').pathname.replace('/api/v1', '')}`
    return Response.json(known[asked] ?? { items: [], next_cursor: null })
  })
}

const button = (name: string) => [...page.querySelectorAll('button')].find((one) => one.textContent === name || one.getAttribute('aria-label') === name)

test('the second step takes documents, and says what became of them', async () => {
  answers({ 'GET /knowledge': { items: [DOCUMENT, { ...DOCUMENT, id: 'doc_2', title: 'Scan', state: 'refused' }], next_cursor: null } })
  await open('/onboarding?step=2')
  await shows('Give it something to read')
  await shows('Scan')
  const lines = [...page.querySelectorAll('details .lines li')].map((line) => line.textContent)
  expect(lines).toEqual(['Pricesready', 'Scannot readable'])
  expect(page.querySelector('details input[type=file]')).not.toBeNull()
})

test('who looks after the platform and is in no tenant chooses one, and stays on the page', async () => {
  answers({ 'GET /tenants': { items: TENANTS, next: null }, 'POST /impersonation': ACTING, 'GET /me': ACTING, 'GET /usage': REPORT })
  await open('/usage', LIMBO)
  await shows('Choose an organization')
  await shows('Bolt')
  expect(button('Act as a member of Closed')).toBeUndefined()
  await act(async () => button('Act as a member of Bolt')!.click())
  await act(async () => page.querySelector<HTMLFormElement>('dialog form')!.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })))
  await shows('You see Bolt as Cara does.')
  await shows('Nothing was used')
  expect(page.querySelector('h1')?.textContent).toBe('Usage')
  expect(gateway.mock.calls.some(([url]) => String(url).startsWith('/api/v1/usage'))).toBe(true)
})

test('anybody else is told how to come into one, and is shown no list', async () => {
  answers({})
  await open('/usage', { ...LIMBO, user: { ...LIMBO.user!, is_platform_admin: false } })
  await shows('You belong to no organization')
  await vi.waitFor(() => expect(gateway.mock.calls.some(([url]) => String(url).includes('/tenants'))).toBe(false))
})
