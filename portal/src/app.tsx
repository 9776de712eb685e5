// The one page: what this is, how it is, what to do next.
import { NextSteps } from './components/next-steps'
import { Status } from './components/status'
import { useReadiness } from './use-readiness'

export function App() {
  const live = useReadiness()
  return (
    <>
      <header className="masthead">
        <img className="mark" src="/favicon.svg" alt="" width="44" height="44" />
        <div>
          <h1>Konstruct</h1>
          <p className="lead">
            An AI employee that works in the channels your team already uses: mention it in Slack, and it answers in the
            thread and remembers what was said.
          </p>
        </div>
      </header>
      <main>
        <Status live={live} />
        <NextSteps />
      </main>
      <footer>
        <p>
          This page shows the installation and nothing else. Conversations, agents and connections have no pages yet: use
          the commands above or the API.
        </p>
      </footer>
    </>
  )
}
