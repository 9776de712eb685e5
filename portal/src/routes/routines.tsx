// /routines: what agents do by the clock, and what they said they would come back to. Which of the two is shown, and the
// routine that is open, stand in the address.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { call } from '../api/client'
import { routinesQuery } from '../api/routines'
import type { RoutineBody } from '../api/schema'
import { useRights } from '../api/session'
import { FollowUps } from '../components/follow-ups'
import { PageHead } from '../components/page-head'
import { RoutineForm } from '../components/routine-form'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Asking, Empty, Problem } from '../ui/states'
import { Tabs } from '../ui/tabs'

const route = getRouteApi('/app/routines')
const NEW = 'new'

export function RoutinesPage() {
  const say = useWords()
  const { list } = route.useSearch()
  const { mayAdministrate } = useRights()
  return (
    <main className="content">
      <PageHead title={say('nav.routines')} text={say(list ? 'follow_ups.text' : 'routines.text')}>
        {mayAdministrate && !list && <NewOne />}
      </PageHead>
      <Tabs label={say('routines.which')}>
        <Link className="choice" to="/routines" search={{}} activeOptions={{ exact: true, includeSearch: true }} aria-current={list ? undefined : 'page'}>
          {say('nav.routines')}
        </Link>
        <Link className="choice" to="/routines" search={{ list: 'follow-ups' }} aria-current={list ? 'page' : undefined}>
          {say('follow_ups.title')}
        </Link>
      </Tabs>
      {list ? <FollowUps /> : <Routines />}
    </main>
  )
}

function NewOne({ look = '' }: { look?: string }) {
  const say = useWords()
  return (
    <Link className={`button ${look}`} to="/routines" search={{ routine: NEW }}>
      {say('routines.new')}
    </Link>
  )
}

function Routines() {
  const say = useWords()
  const { routine: chosen } = route.useSearch()
  const navigate = useNavigate()
  const { mayAdministrate } = useRights()
  const routines = useQuery(routinesQuery)
  const open = (routine: string | undefined) => void navigate({ to: '/routines', search: { routine } })
  return (
    <Asking query={routines}>
      {({ items }) => {
        const isNew = chosen === NEW && mayAdministrate
        const shown = isNew ? undefined : (items.find(({ id }) => id === chosen) ?? items[0])
        if (!shown && !isNew) {
          return (
            <Empty title={say('routines.empty')}>
              <p>{say(mayAdministrate ? 'routines.empty_text' : 'routines.empty_ask')}</p>
              {mayAdministrate && <NewOne look="primary" />}
            </Empty>
          )
        }
        return (
          <div className="studio">
            <ul className="agent-list rule-list" aria-label={say('nav.routines')}>
              {items.map((routine) => (
                <Line key={routine.id} routine={routine} isShown={routine.id === shown?.id} />
              ))}
            </ul>
            <RoutineForm key={shown?.id ?? NEW} routine={shown} onSaved={({ id }) => open(id)} onDeleted={() => open(undefined)} />
          </div>
        )
      }}
    </Asking>
  )
}

function Line({ routine, isShown }: { routine: RoutineBody; isShown: boolean }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const client = useQueryClient()
  const toggle = useMutation({
    mutationFn: (enabled: boolean) => call('PATCH /api/v1/routines/{routine_id}', { path: { routine_id: routine.id }, body: { enabled } }),
    onSettled: () => client.invalidateQueries({ queryKey: routinesQuery.queryKey }),
  })
  const { next_at: next, enabled } = routine
  return (
    <li>
      <Link to="/routines" search={{ routine: routine.id }} aria-current={isShown ? 'true' : undefined}>
        <span className="rule-name">
          <strong>{routine.name}</strong>
          <span className="quiet due">{next ? say('routines.next', { when: moment(next) }) : say(enabled ? 'routines.never' : 'routines.is_off')}</span>
        </span>
      </Link>
      {mayAdministrate ? (
        <label className="switch">
          <input type="checkbox" role="switch" checked={enabled} disabled={toggle.isPending} onChange={(event) => toggle.mutate(event.target.checked)} />
          <span className="for-readers">{say('routines.enabled_of', { name: routine.name })}</span>
        </label>
      ) : (
        <Badge mood={enabled ? 'good' : 'calm'}>{say(enabled ? 'rules.on' : 'rules.off')}</Badge>
      )}
      <Problem of={toggle.error} />
    </li>
  )
}
