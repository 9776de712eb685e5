// Who was erased, or is about to be, with what proves it.
import { useQuery } from '@tanstack/react-query'
import { erasuresQuery } from '../api/contacts'
import { keysQuery, membersQuery } from '../api/queries'
import type { ErasureBody } from '../api/schema'
import { actorWord } from '../lib/audit'
import { kindsOf, saveFile } from '../lib/contacts'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Empty } from '../ui/states'

/** Rows by what they are. */
export function Kept({ counts }: { counts: object }) {
  const say = useWords()
  const kinds = kindsOf(counts)
  if (kinds.length === 0) return <p>{say('contacts.nothing_kept')}</p>
  return (
    <dl className="numbers">
      {kinds.map(([word, rows]) => (
        <div key={word}>
          <dt>{say(word)}</dt>
          <dd>{rows}</dd>
        </div>
      ))}
    </dl>
  )
}

/** What became of it; whoever shows it asks again meanwhile. */
export function ErasureState({ erasure }: { erasure: ErasureBody }) {
  const say = useWords()
  return (
    <>
      <p role="status">{erasure.finished_at ? say('contacts.done', { when: moment(erasure.finished_at) }) : say('contacts.under_way')}</p>
      {erasure.finished_at && <Kept counts={erasure.counts} />}
      {erasure.certificate && <Button onClick={() => saveFile(`${erasure.id}.json`, erasure.certificate ?? '')}>{say('contacts.certificate')}</Button>}
    </>
  )
}

export function Erasures() {
  const say = useWords()
  const erasures = useQuery(erasuresQuery)
  return (
    <>
      <p className="quiet">{say('contacts.erased_text')}</p>
      <Asking query={erasures}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={say('contacts.none_erased')}>
              <p>{say('contacts.none_erased_text')}</p>
            </Empty>
          ) : (
            <ul className="lines panel erasures">
              {items.map((erasure) => (
                <Line key={erasure.id} erasure={erasure} />
              ))}
            </ul>
          )
        }
      </Asking>
    </>
  )
}

function Line({ erasure }: { erasure: ErasureBody }) {
  const say = useWords()
  const who = useWho(erasure.requested_by)
  const when = moment(erasure.requested_at)
  return (
    <li>
      <span>
        <time dateTime={erasure.requested_at}>{when}</time> {erasure.finished_at ? <Badge mood="good">{say('contacts.state_done')}</Badge> : <Badge mood="fair">{say('contacts.state_under_way')}</Badge>}
        <span className="quiet">
          {say('contacts.asked_by', { who })} · <code>{erasure.people.join(', ')}</code>
        </span>
      </span>
      {erasure.certificate && (
        <span className="actions">
          <Button look="quiet" aria-label={say('contacts.certificate_of', { when })} onClick={() => saveFile(`${erasure.id}.json`, erasure.certificate ?? '')}>
            {say('contacts.certificate')}
          </Button>
        </span>
      )}
      {erasure.finished_at && (
        <details>
          <summary>{say('contacts.what_went')}</summary>
          <Kept counts={erasure.counts} />
        </details>
      )}
    </li>
  )
}

/** A member or a key by its name, anybody else by what they are. */
function useWho(requestedBy: string): string {
  const say = useWords()
  const members = useQuery(membersQuery)
  const keys = useQuery(keysQuery)
  const [kind = '', id] = requestedBy.split(' ')
  const member = members.data?.items.find((one) => one.user_id === id)
  return member?.name ?? keys.data?.items.find((one) => one.id === id)?.name ?? say(actorWord(kind))
}
