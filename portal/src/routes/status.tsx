// /status: how the installation is, for anybody who can reach it.
import { NextSteps } from '../components/next-steps'
import { Status } from '../components/status'
import { useReadiness } from '../lib/use-readiness'
import { useWords } from '../lib/words'

export function StatusPage() {
  const say = useWords()
  const live = useReadiness()
  return (
    <div className="content narrow status-page">
      <header className="page-head">
        <div>
          <p className="brand">
            <img src="/favicon.svg" alt="" width="28" height="28" />
            Konstruct
          </p>
          <h1>{say('status.title')}</h1>
          <p className="quiet">{say('status.lead')}</p>
        </div>
        <a className="button" href="/inbox">
          {say('status.portal')}
        </a>
      </header>
      <main>
        <Status live={live} />
        <NextSteps />
      </main>
    </div>
  )
}
