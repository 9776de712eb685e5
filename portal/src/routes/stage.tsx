// What tests of pages play on: the real router and queries in a document, and a gateway that answers what the test says.
import { QueryClientProvider, type QueryClient } from '@tanstack/react-query'
import { createMemoryHistory, RouterProvider } from '@tanstack/react-router'
import { act } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { newQueryClient } from '../api/query-client'
import type { Session } from '../api/schema'
import { sessionQuery } from '../api/session'
import { portalRouter } from '../router'

export const gateway = vi.fn<typeof fetch>()
export let page: HTMLElement
let root: Root

beforeEach(() => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true)
  vi.stubGlobal('fetch', gateway)
  vi.stubGlobal('scrollTo', () => undefined)
  page = document.body.appendChild(document.createElement('div'))
  root = createRoot(page)
})

afterEach(() => {
  act(() => root.unmount())
  page.remove()
  gateway.mockReset()
  vi.unstubAllGlobals()
})

const ADMIN = { csrf_token: 't', role: 'customer_admin', read_only: false, is_owner: true, tenant_id: 'ten_1', tenant_name: 'Acme', memberships: [], user: { id: 'usr_1', name: 'Grace', mail: 'g@example.com', is_platform_admin: false } }

/** As the portal's own, but for what is asked again after a failure. */
function impatient(): QueryClient {
  const client = newQueryClient()
  client.setDefaultOptions({ ...client.getDefaultOptions(), queries: { retry: false } })
  return client
}

/** For an admin, changed so far. */
export async function open(address: string, change: Partial<Session> = {}): Promise<void> {
  const client = impatient()
  client.setQueryData(sessionQuery.queryKey, { ...ADMIN, ...change } as unknown as Session)
  await show(client, address)
}

/** For somebody of whom nothing is known yet. */
export const openAsStranger = (address: string) => show(impatient(), address)

async function show(client: QueryClient, address: string): Promise<void> {
  // Another page may have been open.
  act(() => root.unmount())
  root = createRoot(page)
  const router = portalRouter(client)
  router.update({ ...router.options, history: createMemoryHistory({ initialEntries: [address] }) })
  await act(async () => {
    root.render(
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>,
    )
    await router.load()
  })
}

/** Looked for between React's turns: what fails inside one takes along what React meant to do next. */
export const shows = (text: string) =>
  vi.waitFor(
    async () => {
      await act(async () => undefined)
      expect(page.textContent).toContain(text)
    },
    { timeout: 5_000 },
  )
