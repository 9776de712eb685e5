// Starts the portal.
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiProblem } from './api/client'
import { applyPreferences } from './lib/preferences'
import { portalRouter } from './router'
import './styles/theme.css'
import './styles/ui.css'
import './styles/forms.css'
import './styles/shell.css'
import './styles/pages.css'
import './styles/agents.css'
import './styles/inbox.css'
import './styles/status.css'
import './styles/trust.css'
import './styles/acting.css'
import './styles/knowledge.css'
import './styles/money.css'
import './styles/analytics.css'
import './styles/rules.css'
import './styles/practice.css'

const RETRIES_MAX = 2

applyPreferences()
const queryClient = new QueryClient({
  defaultOptions: {
    // What the gateway refused it refuses again; a lost line may come back.
    queries: { retry: (count, problem) => count < RETRIES_MAX && !(problem instanceof ApiProblem && problem.status < 500) },
  },
})
const router = portalRouter(queryClient)

const root = document.getElementById('root')
if (root === null) throw new Error('index.html lacks the element `root`')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
