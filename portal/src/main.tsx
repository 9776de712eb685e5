// Starts the portal.
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { newQueryClient } from './api/query-client'
import { applyPreferences } from './lib/preferences'
import { followLanguage } from './lib/words'
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

applyPreferences()
const queryClient = newQueryClient()
const router = portalRouter(queryClient)

const root = document.getElementById('root')
if (root === null) throw new Error('index.html lacks the element `root`')
// Not in English first and then in another language.
void followLanguage().then(() =>
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  ),
)
