// /audit: what was done in the tenant, whether its log is whole, and the log as a file. For admins.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { call } from '../api/client'
import { auditQuery, keysQuery, membersQuery } from '../api/queries'
import type { EventBody, VerdictBody } from '../api/schema'
import { useRights } from '../api/session'
import { AuditExport } from '../components/audit-export'
import { PageHead } from '../components/page-head'
import { actingIn, actorWord, faultWord, GROUPS, KINDS } from '../lib/audit'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import type { AuditSearch } from '../lib/searches'
import { Button } from '../ui/button'
import { Select } from '../ui/field'
import { Asking, Empty, Problem } from '../ui/states'

const route = getRouteApi('/app/audit')

export function AuditPage() {
  const say = useWords()
  const { mayAudit } = useRights()
  return mayAudit ? (
    <Log />
  ) : (
    <main className="content">
      <PageHead title={say('nav.audit')} />
      <Empty title={say('audit.forbidden')}>
        <p>{say('audit.forbidden_text')}</p>
      </Empty>
    </main>
  )
}

function Log() {
  const say = useWords()
  const { mayChange } = useRights()
  const search = route.useSearch()
  const log = useInfiniteQuery(auditQuery(search))
  const items = log.data?.pages.flatMap((page) => page.items) ?? []
  const client = useQueryClient()
  const verify = useMutation({
    mutationFn: () => call('POST /api/v1/audit/verify'),
    onSettled: () => client.invalidateQueries({ queryKey: ['audit'] }),
  })
  return (
    <main className="content">
      <PageHead title={say('nav.audit')} text={say('audit.text')}>
        {mayChange && (
          <Button busy={verify.isPending} onClick={() => verify.mutate()}>
            {say('audit.verify')}
          </Button>
        )}
      </PageHead>
      <Problem of={verify.error} />
      <div role="status">{verify.data && <Verdict verdict={verify.data} />}</div>
      <Filters search={search} />
      <AuditExport key={`${search.action} ${search.actor}`} search={search} />
      <Asking query={log}>
        {() =>
          items.length === 0 ? (
            <Empty title={say('audit.empty')}>{null}</Empty>
          ) : (
            <ol className="lines panel events" reversed>
              {items.map((event) => (
                <Event key={event.n} event={event} />
              ))}
            </ol>
          )
        }
      </Asking>
      {log.hasNextPage && (
        <Button busy={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
          {say('audit.more')}
        </Button>
      )}
    </main>
  )
}

function Verdict({ verdict }: { verdict: VerdictBody }) {
  const say = useWords()
  const { fault } = verdict
  return fault ? (
    <div className="note bad">
      <p>
        <strong>{say('audit.broken')}</strong> {say(faultWord(fault.kind), { n: fault.n })}
      </p>
      <p>{say('audit.broken_do')}</p>
    </div>
  ) : (
    <div className="note good">
      <p>{say('audit.whole', { events: verdict.events })}</p>
      <p className="hash">{say('audit.head', { head: verdict.head })}</p>
    </div>
  )
}

function Filters({ search }: { search: AuditSearch }) {
  const say = useWords()
  const navigate = useNavigate()
  const members = useQuery(membersQuery)
  const keys = useQuery(keysQuery)
  const go = (change: AuditSearch) => void navigate({ to: '/audit', search: { ...search, ...change }, replace: true })
  return (
    <div className="form in-line log-filters" role="search">
      <Select label={say('audit.what')} value={search.action ?? ''} onChange={(event) => go({ action: event.target.value || undefined })}>
        <option value="">{say('audit.what_any')}</option>
        {GROUPS.map((group) => (
          <option key={group} value={group}>
            {say(`audit.group_${group}`)}
          </option>
        ))}
      </Select>
      <Select label={say('audit.who')} value={search.actor ?? ''} onChange={(event) => go({ actor: event.target.value || undefined })}>
        <option value="">{say('audit.who_any')}</option>
        {KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {say(actorWord(kind))}
          </option>
        ))}
        {members.data?.items.map((member) => (
          <option key={member.user_id} value={member.user_id}>
            {member.name}
          </option>
        ))}
        {keys.data?.items.map((key) => (
          <option key={key.id} value={key.id}>
            {key.name}
          </option>
        ))}
      </Select>
    </div>
  )
}

function Event({ event }: { event: EventBody }) {
  const say = useWords()
  const hasDetail = Object.keys(event.detail).length > 0
  const acting = actingIn(event.detail)
  const who = acting
    ? say('audit.acting_as', { admin: acting.admin, user: acting.acts_as_name, ticket: acting.ticket })
    : (event.actor_name ?? say(actorWord(event.actor_kind)))
  return (
    <li value={event.n}>
      <span>
        <code>{event.action}</code> {event.target_id}
        <span className="quiet">
          {who} · <time dateTime={event.at}>{moment(event.at)}</time>
        </span>
      </span>
      <span className="quiet">{event.n}</span>
      {hasDetail && (
        <details>
          <summary>{say('audit.details')}</summary>
          <pre>{JSON.stringify(event.detail, null, 2)}</pre>
        </details>
      )}
    </li>
  )
}
