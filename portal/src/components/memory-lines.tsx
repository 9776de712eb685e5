// Memories, one a line: what was said, or a fact with what it says of whom, since when and for whom it holds.
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { FactBody, MemoryBody } from '../api/schema'
import { useRights } from '../api/session'
import { audienceWord, excerptOf, placeOf } from '../lib/memories'
import type { MemorySearch } from '../lib/searches'
import { ago, moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge, ChannelBadge } from '../ui/badge'
import { Button } from '../ui/button'
import { CorrectFact } from './correct-fact'
import { ForgetMemory } from './forget-memory'

interface MemoryLinesProps {
  items: MemoryBody[]
  search: MemorySearch
  onTold: (what: string) => void
  onWhere: (id: string) => void
}

export function MemoryLines({ items, search, onTold, onWhere }: MemoryLinesProps) {
  const say = useWords()
  const [asked, setAsked] = useState<['forget' | 'correct', MemoryBody] | null>(null)
  const close = () => setAsked(null)
  return (
    <>
      <ul className="lines panel memories">
        {items.map((memory) => (
          <Line key={memory.id} memory={memory} search={search} onWhere={() => onWhere(memory.id)} onAsk={(what) => setAsked([what, memory])} />
        ))}
      </ul>
      {asked?.[0] === 'forget' && (
        <ForgetMemory memory={asked[1]} onForgotten={(characters) => onTold(say(asked[1].fact ? 'facts.forgotten' : 'memory.forgotten', { characters }))} onClose={close} />
      )}
      {asked?.[0] === 'correct' && <CorrectFact memory={asked[1]} onCorrected={() => onTold(say('facts.corrected'))} onClose={close} />}
    </>
  )
}

interface LineProps {
  memory: MemoryBody
  search: MemorySearch
  onWhere: () => void
  onAsk: (what: 'forget' | 'correct') => void
}

function Line({ memory, search, onWhere, onAsk }: LineProps) {
  const say = useWords()
  const { mayChange } = useRights()
  const { fact } = memory
  const holds = fact && !fact.valid_until
  return (
    <li className={fact && !holds ? 'closed' : undefined}>
      <span>
        <span className="said">{memory.text}</span>
        {fact && <About fact={fact} />}
        <span className="quiet">
          <Link to="/memory" search={{ ...search, person: memory.person_id, memory: undefined }}>
            {memory.author}
          </Link>{' '}
          ·{' '}
          <Link to="/memory" search={{ ...search, place: memory.place, memory: undefined }}>
            {placeOf(memory, say)}
          </Link>{' '}
          ·{' '}
          <time dateTime={memory.said_at} title={moment(memory.said_at)}>
            {ago(memory.said_at)}
          </time>
        </span>
      </span>
      <ChannelBadge channel={memory.channel} />
      <Badge>{say(audienceWord(memory.audience))}</Badge>
      <span className="actions">
        <Button look="quiet" aria-label={say('memory.where_of', { text: excerptOf(memory.text) })} onClick={onWhere}>
          {say('memory.where')}
        </Button>
        {mayChange && holds && (
          <Button look="quiet" aria-label={say('facts.correct_of', { text: excerptOf(memory.text) })} onClick={() => onAsk('correct')}>
            {say('facts.correct')}
          </Button>
        )}
        {mayChange && (
          <Button look="quiet" aria-label={say('memory.forget_of', { text: excerptOf(memory.text) })} onClick={() => onAsk('forget')}>
            {say('memory.forget')}
          </Button>
        )}
      </span>
    </li>
  )
}

/** What it says of whom, and how long that held. */
export function About({ fact }: { fact: FactBody }) {
  const say = useWords()
  return (
    <span className="fact">
      <span>
        {fact.subject} · {fact.attribute}: <strong>{fact.value}</strong>
      </span>
      {fact.decision && <Badge mood="good">{say('facts.decision')}</Badge>}
      {fact.corrected_by && <Badge mood="fair">{say('facts.by_hand')}</Badge>}
      {fact.valid_until && (
        <Badge>
          <time dateTime={fact.valid_until}>{say('facts.until', { when: moment(fact.valid_until) })}</time>
        </Badge>
      )}
    </span>
  )
}
