// /cases: questions with what their answers must be, and trying them. The case that is open, and the trial, stand in the
// address.
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { casesQuery } from '../api/rehearsals'
import type { CaseBody } from '../api/schema'
import { useRights } from '../api/session'
import { CaseForm } from '../components/case-form'
import { PageHead } from '../components/page-head'
import { Trial, TryCases } from '../components/trial'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Asking, Empty } from '../ui/states'

const route = getRouteApi('/app/cases')
const NEW = 'new'

export function CasesPage() {
  const say = useWords()
  const { case: chosen, trial } = route.useSearch()
  const navigate = useNavigate()
  const { mayAdministrate, mayChange } = useRights()
  const cases = useQuery(casesQuery)
  const go = (search: { case?: string; trial?: string }) => void navigate({ to: '/cases', search, resetScroll: false })
  return (
    <main className="content">
      <PageHead title={say('nav.cases')} text={say('cases.text')}>
        {mayAdministrate && <NewOne trial={trial} />}
      </PageHead>
      <Asking query={cases}>
        {({ items }) => {
          const isNew = chosen === NEW && mayAdministrate
          const shown = isNew ? undefined : (items.find(({ id }) => id === chosen) ?? items[0])
          if (!shown && !isNew) {
            return (
              <Empty title={say('cases.empty')}>
                <p>{say(mayAdministrate ? 'cases.empty_text' : 'cases.empty_ask')}</p>
                {mayAdministrate && <NewOne trial={trial} look="primary" />}
              </Empty>
            )
          }
          return (
            <>
              {items.length > 0 && (
                <section className="panel trial" aria-label={say('trial.title')}>
                  <h2>{say('trial.title')}</h2>
                  {mayChange && <TryCases onBegun={(id) => go({ case: chosen, trial: id })} />}
                  {trial ? <Trial id={trial} /> : !mayChange && <p className="quiet">{say('trial.ask')}</p>}
                </section>
              )}
              <div className="studio">
                <ul className="agent-list rule-list" aria-label={say('nav.cases')}>
                  {items.map((one) => (
                    <Line key={one.id} one={one} trial={trial} isShown={one.id === shown?.id} />
                  ))}
                </ul>
                <CaseForm key={shown?.id ?? NEW} one={shown} onSaved={({ id }) => go({ case: id, trial })} onDeleted={() => go({ trial })} />
              </div>
            </>
          )
        }}
      </Asking>
    </main>
  )
}

function NewOne({ trial, look = '' }: { trial: string | undefined; look?: string }) {
  const say = useWords()
  return (
    <Link className={`button ${look}`} to="/cases" search={{ case: NEW, trial }}>
      {say('cases.new')}
    </Link>
  )
}

function Line({ one, trial, isShown }: { one: CaseBody; trial: string | undefined; isShown: boolean }) {
  const say = useWords()
  return (
    <li>
      <Link to="/cases" search={{ case: one.id, trial }} aria-current={isShown ? 'true' : undefined}>
        <span className="rule-name">
          <strong>{one.name}</strong> {one.blocks && <Badge mood="fair">{say('cases.blocks')}</Badge>}
          <span className="quiet">{one.question}</span>
        </span>
      </Link>
    </li>
  )
}
