// Every address of the portal for who is signed in, on one page; pages come when they are needed. The others: router-front.tsx.
import type { QueryClient } from '@tanstack/react-query'
import { createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { sessionQuery } from './api/session'
import { Missing, Wrecked } from './components/wrecked'
import { analyticsSearch, approvalSearch, auditSearch, casesSearch, contactsSearch, escalationSearch, inboxSearch, knowledgeSearch, memorySearch, oneOf, routinesSearch, settingsSearch, systemSearch, text, usageSearch } from './lib/searches'
import { front, root } from './router-front'
import { Loading } from './ui/states'

/** Everything below is for somebody who is signed in. */
const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery)
    if (session === null) throw redirect({ to: '/signin', search: { next: location.href } })
  },
  component: lazyRouteComponent(() => import('./components/shell'), 'Shell'),
})

const home = createRoute({
  getParentRoute: () => app,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/inbox' })
  },
})

const inbox = createRoute({
  getParentRoute: () => app,
  path: '/inbox',
  validateSearch: inboxSearch,
  component: lazyRouteComponent(() => import('./routes/inbox'), 'InboxPage'),
})

const memory = createRoute({
  getParentRoute: () => app,
  path: '/memory',
  validateSearch: memorySearch,
  component: lazyRouteComponent(() => import('./routes/memory'), 'MemoryPage'),
})

const contacts = createRoute({
  getParentRoute: () => app,
  path: '/contacts',
  validateSearch: contactsSearch,
  component: lazyRouteComponent(() => import('./routes/contacts'), 'ContactsPage'),
})

const knowledge = createRoute({
  getParentRoute: () => app,
  path: '/knowledge',
  validateSearch: knowledgeSearch,
  component: lazyRouteComponent(() => import('./routes/knowledge'), 'KnowledgePage'),
})

const audit = createRoute({
  getParentRoute: () => app,
  path: '/audit',
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('./routes/audit'), 'AuditPage'),
})

const agents = createRoute({
  getParentRoute: () => app,
  path: '/agents',
  validateSearch: (search: Record<string, unknown>): { agent?: string } => ({ agent: text(search.agent) }),
  component: lazyRouteComponent(() => import('./routes/agents'), 'AgentsPage'),
})

const escalations = createRoute({
  getParentRoute: () => app,
  path: '/escalations',
  validateSearch: escalationSearch,
  component: lazyRouteComponent(() => import('./routes/escalations'), 'EscalationsPage'),
})

const rules = createRoute({
  getParentRoute: () => app,
  path: '/rules',
  validateSearch: (search: Record<string, unknown>): { rule?: string } => ({ rule: text(search.rule) }),
  component: lazyRouteComponent(() => import('./routes/rules'), 'RulesPage'),
})

const tools = createRoute({
  getParentRoute: () => app,
  path: '/tools',
  validateSearch: (search: Record<string, unknown>): { tool?: string } => ({ tool: text(search.tool) }),
  component: lazyRouteComponent(() => import('./routes/tools'), 'ToolsPage'),
})

const approvals = createRoute({
  getParentRoute: () => app,
  path: '/approvals',
  validateSearch: approvalSearch,
  component: lazyRouteComponent(() => import('./routes/approvals'), 'ApprovalsPage'),
})

const routines = createRoute({
  getParentRoute: () => app,
  path: '/routines',
  validateSearch: routinesSearch,
  component: lazyRouteComponent(() => import('./routes/routines'), 'RoutinesPage'),
})

const cases = createRoute({
  getParentRoute: () => app,
  path: '/cases',
  validateSearch: casesSearch,
  component: lazyRouteComponent(() => import('./routes/cases'), 'CasesPage'),
})

const modelKeys = createRoute({
  getParentRoute: () => app,
  path: '/model-keys',
  component: lazyRouteComponent(() => import('./routes/model-keys'), 'ModelKeysPage'),
})

const analytics = createRoute({
  getParentRoute: () => app,
  path: '/analytics',
  validateSearch: analyticsSearch,
  component: lazyRouteComponent(() => import('./routes/analytics'), 'AnalyticsPage'),
})

const usage = createRoute({
  getParentRoute: () => app,
  path: '/usage',
  validateSearch: usageSearch,
  component: lazyRouteComponent(() => import('./routes/usage'), 'UsagePage'),
})

const budgets = createRoute({
  getParentRoute: () => app,
  path: '/budgets',
  component: lazyRouteComponent(() => import('./routes/budgets'), 'BudgetsPage'),
})

const billing = createRoute({
  getParentRoute: () => app,
  path: '/billing',
  validateSearch: ({ checkout }: Record<string, unknown>): { checkout?: 'done' } => ({ checkout: oneOf(checkout, ['done']) }),
  component: lazyRouteComponent(() => import('./routes/billing'), 'BillingPage'),
})

const connections = createRoute({
  getParentRoute: () => app,
  path: '/connections',
  component: lazyRouteComponent(() => import('./routes/connections'), 'ConnectionsPage'),
})

const people = createRoute({
  getParentRoute: () => app,
  path: '/people',
  component: lazyRouteComponent(() => import('./routes/people'), 'PeoplePage'),
})

const settings = createRoute({
  getParentRoute: () => app,
  path: '/settings',
  validateSearch: settingsSearch,
  component: lazyRouteComponent(() => import('./routes/settings'), 'SettingsPage'),
})

const onboarding = createRoute({
  getParentRoute: () => app,
  path: '/onboarding',
  validateSearch: ({ step }: Record<string, unknown>): { step: 1 | 2 | 3 } => ({
    step: step === 2 || step === 3 ? step : 1,
  }),
  component: lazyRouteComponent(() => import('./routes/onboarding'), 'OnboardingPage'),
})

const tenants = createRoute({
  getParentRoute: () => app,
  path: '/tenants',
  component: lazyRouteComponent(() => import('./routes/tenants'), 'TenantsPage'),
})

const deadLetters = createRoute({
  getParentRoute: () => app,
  path: '/dead-letters',
  component: lazyRouteComponent(() => import('./routes/dead-letters'), 'DeadLettersPage'),
})

const system = createRoute({
  getParentRoute: () => app,
  path: '/system',
  validateSearch: systemSearch,
  component: lazyRouteComponent(() => import('./routes/system'), 'SystemPage'),
})

const pages = [
  home, inbox, escalations, approvals, contacts, memory, knowledge, agents, routines, cases, tools,
  rules, modelKeys, connections, analytics, usage, budgets, billing, people,
  audit, settings, onboarding, tenants, deadLetters, system,
]

export function portalRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree: root.addChildren([...front, app.addChildren(pages)]),
    context: { queryClient },
    defaultPreload: 'intent',
    defaultNotFoundComponent: Missing,
    defaultErrorComponent: Wrecked,
    defaultPendingComponent: Loading,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof portalRouter>
  }
}
