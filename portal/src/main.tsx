// Starts the page.
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app'
import './theme.css'
import './app.css'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html lacks the element `root`')
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
