// Every page for every role: what each may press. What nobody of a role may do is not there, instead of being refused later.
import { act } from 'react'
import { expect, test, vi } from 'vitest'
import type { AgentBody, ApprovalBody, BillingBody, BudgetBody, ConnectionBody, ConversationBody, DocumentBody, EscalationBody, InvitationBody, MemberBody, MemoryBody, PersonBody, RuleBody, Session } from '../api/schema'
import { gateway, open, page } from './stage'

const AT = '2026-11-27T12:00:00Z'
const AGENT = { id: 'agt_1', name: 'Ada', role: '', tone: '', instructions: '', model: null, models: [], tools: [], is_default: true, version: 1 } as unknown as AgentBody
const TALK: ConversationBody = { id: 'cnv_1', channel: 'slack', connection_id: 'con_1', handler: 'human', kind: 'public', last_message_at: AT, place: 'C1', place_name: 'general' }
const ESCALATION: EscalationBody = { id: 'esc_1', conversation_id: 'cnv_1', person: 'Bob', person_id: 'per_1', state: 'waiting', reason: 'asked', summary: '', opened_at: AT }
const MEMORY: MemoryBody = { id: 'mem_1', kind: 'message', text: 'Tuesday', author: 'Bob', person_id: 'per_1', conversation_id: 'cnv_1', message_id: 'msg_1', channel: 'slack', place: 'C1', place_name: 'general', audience: 'tenant', said_at: AT }
const DOCUMENT: DocumentBody = { id: 'doc_1', title: 'Prices', name: 'prices.md', agent_ids: [], content_type: 'text/markdown', created_at: AT, passages: 2, size: 9, state: 'ready' }
const PERSON: PersonBody = { id: 'per_1', name: 'Bob', connection_id: 'con_1', connection_name: 'Acme', channel: 'slack', external_id: 'UBOB', standing: 'member', vip: false, opted_out: false, known_since: AT, is_being_erased: false }
const RULE = { id: 'rul_1', name: 'Refunds', condition: 'refund*', assign_to: [], enabled: true, version: 1, built_in: false } as unknown as RuleBody
const CONNECTION: ConnectionBody = { id: 'con_1', channel: 'slack', status: 'active', display_name: 'Acme', external_id: 'T1', bot_user_id: 'U1', events_url: 'https://example.com', created_at: AT }
const BUDGET = { id: 'bud_1', scope: 'tenant', period: 'month', period_start: AT, time_zone: 'UTC', currency: 'USD', usd_per_unit: '1', budget_limit: 10, budget_limit_usd: 10, limit: '10', spent: 1, spent_usd: 1, spent_micro_usd: 1, reserved: 0, reserved_usd: 0 } as BudgetBody
const MEMBER = { user_id: 'usr_2', name: 'Linus', mail: 'l@example.com', role: 'customer_operator', is_owner: false, read_only: false, created_at: AT } as unknown as MemberBody
const INVITATION = { id: 'inv_1', mail: 'n@example.com', role: 'customer_operator', read_only: false, created_at: AT, expires_at: AT } as unknown as InvitationBody
const APPROVAL = { id: 'apv_1', tool: 'open_ticket', tool_id: null, person: 'Bob', agent: 'Ada', arguments: {}, state: 'waiting', call_state: 'waiting', asked_at: AT, expires_at: '2126-11-27T12:00:00Z' } as unknown as ApprovalBody
const BILLING = { plan: 'free', access: 'full', sells: true, subscription: null, plans: [{ name: 'pro', sold: true }] } as unknown as BillingBody
const list = (...items: unknown[]) => ({ items, next_cursor: null })
const ANSWERS: Record<string, unknown> = {
  '/agents': list(AGENT), '/conversations': list(TALK), '/conversations/cnv_1': TALK, '/escalations': list(ESCALATION), '/memories': list(MEMORY), '/knowledge': list(DOCUMENT), '/people': list(PERSON),
  '/escalation-rules': list(RULE), '/connections': list(CONNECTION), '/budgets': list(BUDGET), '/members': list(MEMBER), '/invitations': list(INVITATION), '/approvals': list(APPROVAL), '/billing': BILLING,
  '/currency': { currency: 'USD', usd_per_unit: '1', rates: [] }, '/tools': { items: [], built_in: ['calculator'] },
  '/usage': { currency: 'USD', usd_per_unit: '1', from: '2026-11-01', to: '2026-11-27', time_zone: 'UTC', items: [] },
}
const ROLES: Record<string, Partial<Session>> = {
  admin: {},
  'admin, looks': { read_only: true, is_owner: false },
  operator: { role: 'customer_operator', is_owner: false },
  'operator, looks': { role: 'customer_operator', read_only: true, is_owner: false },
}

interface Offered {
  everybody?: string[]
  /** Whoever may change something. */
  change?: string[]
  /** Admins who may change something. */
  admin?: string[]
  /** Admins, also those who may only look. */
  looking?: string[]
}

const PAGES: Record<string, Offered> = {
  '/inbox?conversation=cnv_1': { everybody: ['Keyboard shortcuts', 'Back to the list', 'Why?'], change: ['Give back', 'Reply', 'Internal note'] },
  '/escalations': { everybody: ['Rules', 'Open the conversation'], change: ['Take over'] },
  '/approvals': { everybody: ['Tools', 'Open the conversation'], change: ['Approve', 'Deny'] },
  '/contacts': { everybody: ['Search', 'Everyone', 'VIP', 'Memories: Bob'], change: ['VIP: Bob'], looking: ['Details: Bob'] },
  '/memory': { everybody: ['Search', 'Where from: Tuesday'], change: ['Forget: Tuesday'] },
  '/knowledge': { everybody: ['Search'], admin: ['Choose files', 'Delete Prices'] },
  '/agents': { admin: ['New agent', 'calculator Works out a sum of numbers.', 'Add a model', 'Save'] },
  '/routines': { admin: ['New routine'] },
  '/cases': { admin: ['New case'] },
  '/tools': { admin: ['New tool', 'Connect a server'] },
  '/rules': { everybody: ['Form', 'Language'], change: ['Try on past conversations'], admin: ['New rule', 'Refunds counts', 'Add a condition', 'Linus', 'Save', 'Delete'] },
  '/model-keys': { admin: ['Connect a key'] },
  '/connections': { admin: ['Connect a channel', 'Copy: https://example.com'] },
  '/usage': { everybody: ['7 days', '30 days', '90 days', 'Write to your agent'] },
  '/budgets': { admin: ['New budget', 'Change the limit', 'Delete'] },
  '/billing': { admin: ['Subscribe to Pro'] },
  '/people': { admin: ['read-only', 'Make owner', 'Remove', 'Invite', 'Send again', 'Take back'] },
  '/audit': { looking: ['Download'], admin: ['Verify'] },
}

const PRESSED = 'main :is(button, a.button, input[type=checkbox]):not([disabled])'

/** Each once, by name. */
function offered(): string[] {
  const all = [...page.querySelectorAll(PRESSED)].filter((one) => one.closest('fieldset[disabled]') === null)
  return [...new Set(all.map((one) => one.getAttribute('aria-label') ?? one.closest('label')?.textContent ?? one.textContent ?? ''))].sort()
}

/** All that was asked for is there, and what it leads to. */
async function settled(): Promise<void> {
  await vi.waitFor(() => act(async () => expect([page.querySelector('main h1') !== null, page.querySelector('.loading')]).toEqual([true, null])), { timeout: 5_000 })
  for (let turn = 0; turn < 3; turn += 1) await act(async () => new Promise((go) => setTimeout(go, 1)))
}

function expected({ everybody = [], change = [], admin = [], looking = [] }: Offered, { role, read_only: isLooking }: Partial<Session>): string[] {
  const isAdmin = role === undefined
  return [...everybody, ...(isLooking ? [] : change), ...(isAdmin && !isLooking ? admin : []), ...(isAdmin ? looking : [])].sort()
}

test.each(Object.entries(PAGES))('%s offers each role what it may do, and nothing else', async (address, acts) => {
  gateway.mockImplementation(async (url) => Response.json(ANSWERS[new URL(String(url), 'http://localhost').pathname.replace('/api/v1', '')] ?? list()))
  for (const [role, change] of Object.entries(ROLES)) {
    await open(address, change)
    await settled()
    expect([role, offered()]).toEqual([role, expected(acts, change)])
  }
  expect(gateway.mock.calls.filter(([, how]) => (how?.method ?? 'GET') !== 'GET')).toEqual([])
})
