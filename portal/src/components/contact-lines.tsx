// People who talk to the agents, one a line, each with its mark, which can be taken back at once.
import { Link } from '@tanstack/react-router'
import { startTransition, useOptimistic, useState, type ReactNode } from 'react'
import { useMark } from '../api/contacts'
import type { PersonBody } from '../api/schema'
import { useRights, useSession } from '../api/session'
import { knownBy, standingWord } from '../lib/contacts'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge, ChannelBadge, Initials } from '../ui/badge'
import { Button } from '../ui/button'
import { Problem } from '../ui/states'

interface ContactLinesProps {
  items: PersonBody[]
  /** Without it there is nothing more to see. */
  onOpen?: (id: string) => void
  /** Shown in place of nobody. */
  nobody: ReactNode
}

export function ContactLines({ items, onOpen, nobody }: ContactLinesProps) {
  const say = useWords()
  const mark = useMark()
  const [told, setTold] = useState<PersonBody | null>(null)
  const set = (person: PersonBody, vip: boolean, isUndone = false) =>
    mark.mutateAsync({ id: person.id, vip }).then(
      () => setTold(isUndone ? null : { ...person, vip }),
      () => {}, // `mark.error` says why.
    )
  return (
    <>
      <div role="status">
        {told && (
          <p className="note good actions">
            {say(told.vip ? 'contacts.marked' : 'contacts.unmarked', { name: told.name })}
            <Button look="quiet" onClick={() => void set(told, !told.vip, true)}>
              {say('contacts.undo')}
            </Button>
          </p>
        )}
      </div>
      <Problem of={mark.error} />
      {items.length === 0 ? (
        nobody
      ) : (
        <ul className="lines panel contacts">
          {items.map((person) => (
            <Line key={person.id} person={person} onMark={(vip) => set(person, vip)} onOpen={onOpen} />
          ))}
        </ul>
      )}
    </>
  )
}

function Line({ person, onMark, onOpen }: { person: PersonBody; onMark: (vip: boolean) => Promise<void>; onOpen?: (id: string) => void }) {
  const say = useWords()
  const { mayChange } = useRights()
  const mayMark = !useSession().impersonation && mayChange && !person.is_being_erased
  const { name } = person
  // With the click itself: React would take back a box that nothing has changed yet.
  const [isMarked, show] = useOptimistic(person.vip)
  const set = (vip: boolean) =>
    startTransition(async () => {
      show(vip)
      await onMark(vip)
    })
  return (
    <li className="member">
      <Initials name={name} />
      <span className="member-name">
        <strong>{name}</strong> <Marks person={person} />
        <span className="quiet">
          {knownBy(person)} · {person.connection_name} ·{' '}
          <time dateTime={person.known_since} title={moment(person.known_since)}>
            {say('contacts.since', { when: ago(person.known_since) })}
          </time>
        </span>
      </span>
      <ChannelBadge channel={person.channel} />
      <span className="actions">
        {mayMark ? (
          <label className="check">
            <input type="checkbox" aria-label={say('contacts.vip_of', { name })} checked={isMarked} onChange={(event) => set(event.target.checked)} />
            <span>{say('contacts.vip')}</span>
          </label>
        ) : (
          person.vip && <Badge mood="good">{say('contacts.vip')}</Badge>
        )}
        <Link className="button quiet" to="/memory" search={{ person: person.id }} aria-label={`${say('contacts.remembered')}: ${name}`}>
          {say('contacts.remembered')}
        </Link>
        {onOpen && (
          <Button look="quiet" aria-label={`${say('contacts.details')}: ${name}`} onClick={() => onOpen(person.id)}>
            {say('contacts.details')}
          </Button>
        )}
      </span>
    </li>
  )
}

function Marks({ person }: { person: PersonBody }) {
  const say = useWords()
  const standing = standingWord(person.standing)
  return (
    <>
      {standing && <Badge>{say(standing)}</Badge>} {person.opted_out && <Badge>{say('contacts.opted_out')}</Badge>} {person.is_being_erased && <Badge mood="fair">{say('contacts.leaving')}</Badge>}
    </>
  )
}
