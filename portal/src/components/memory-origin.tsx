// Where a memory comes from, which answers it served, and forgetting it or putting it right from there: an answer's trace leads
// here.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiProblem } from '../api/client'
import { memoryQuery } from '../api/queries'
import type { FactBody, MemoryDetail } from '../api/schema'
import { useRights } from '../api/session'
import { audienceWord, placeOf } from '../lib/memories'
import { scoreOf } from '../lib/traces'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'
import { Asking } from '../ui/states'
import { CorrectFact } from './correct-fact'
import { ForgetMemory } from './forget-memory'
import { About } from './memory-lines'

interface MemoryOriginProps {
  id: string
  /** What was done with it. */
  onTold: (what: string) => void
  onClose: () => void
}

export function MemoryOrigin({ id, onTold, onClose }: MemoryOriginProps) {
  const say = useWords()
  const { mayChange } = useRights()
  const memory = useQuery(memoryQuery(id))
  const [asked, setAsked] = useState<'forget' | 'correct' | null>(null)
  const isGone = memory.error instanceof ApiProblem && memory.error.status === 404
  const about = memory.data
  const isDone = (what: string) => {
    onTold(what)
    onClose()
  }
  const back = () => setAsked(null)
  if (about && asked === 'forget') return <ForgetMemory memory={about} onForgotten={(characters) => isDone(say(about.fact ? 'facts.forgotten' : 'memory.forgotten', { characters }))} onClose={back} />
  if (about && asked === 'correct') return <CorrectFact memory={about} onCorrected={() => isDone(say('facts.corrected'))} onClose={back} />
  return (
    <Dialog title={say('memory.origin')} onClose={onClose}>
      {isGone ? <p>{say('memory.gone')}</p> : <Asking query={memory}>{(known) => <Origin about={known} />}</Asking>}
      <div className="actions">
        {mayChange && about?.fact && !about.fact.valid_until && <Button onClick={() => setAsked('correct')}>{say('facts.correct')}</Button>}
        {mayChange && about && (
          <Button look="danger" onClick={() => setAsked('forget')}>
            {say('memory.forget')}
          </Button>
        )}
        <Button onClick={onClose} autoFocus>
          {say('memory.close')}
        </Button>
      </div>
    </Dialog>
  )
}

function Origin({ about }: { about: MemoryDetail }) {
  const say = useWords()
  const { mayAudit } = useRights()
  return (
    <>
      <blockquote className="said">{about.text}</blockquote>
      {about.fact && <About fact={about.fact} />}
      <dl className="facts">
        <div>
          <dt>{say('memory.said_by')}</dt>
          <dd>{about.author}</dd>
        </div>
        <div>
          <dt>{say('memory.said_at')}</dt>
          <dd>{moment(about.said_at)}</dd>
        </div>
        <div>
          <dt>{say('memory.said_in')}</dt>
          <dd>{placeOf(about, say)}</dd>
        </div>
        <div>
          <dt>{say('memory.may_see')}</dt>
          <dd>{say(audienceWord(about.audience))}</dd>
        </div>
      </dl>
      {about.fact && <Sources fact={about.fact} />}
      <p className="actions">
        <Link className="button" to="/inbox" search={{ conversation: about.conversation_id, message: about.message_id }}>
          {say('memory.open')}
        </Link>
        {mayAudit && (
          <Link className="button" to="/contacts" search={{ person: about.person_id }}>
            {say('memory.contact', { name: about.author })}
          </Link>
        )}
        <Link className="button" to="/memory" search={{ person: about.person_id, view: about.fact ? 'facts' : undefined }}>
          {say('memory.of_person', { name: about.author })}
        </Link>
      </p>
      <h3>{say('memory.uses')}</h3>
      {about.recalled_in.length === 0 ? (
        <p className="quiet">{say('memory.unused')}</p>
      ) : (
        <ul className="lines">
          {about.recalled_in.map((use) => (
            <li key={use.run_id}>
              <Link to="/inbox" search={{ conversation: use.conversation_id, why: use.run_id }}>
                {moment(use.at)}
              </Link>
              <span className="quiet">{say('memory.use', { rank: use.rank, score: scoreOf(use.score) })}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** The messages it was drawn from, each where it was said. */
function Sources({ fact }: { fact: FactBody }) {
  const say = useWords()
  return (
    <>
      <h3>{say('facts.sources')}</h3>
      <ul className="lines">
        {fact.source_message_ids.map((message, at) => (
          <li key={message}>
            <Link to="/inbox" search={{ conversation: fact.source_conversation_ids[at], message }}>
              {say(at === 0 ? 'facts.quoted' : 'facts.source_n', { n: at + 1 })}
            </Link>
          </li>
        ))}
      </ul>
    </>
  )
}
