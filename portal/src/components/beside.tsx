// Two answers beside each other: what only the one says is struck out, what only the other says is underlined. They are
// text, never markup.
import type { PieceBody, ReplayBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Loading } from '../ui/states'

export function Beside({ original, answer }: { original: string | null | undefined; answer: ReplayBody }) {
  const say = useWords()
  const isCompared = answer.diff.length > 0
  return (
    <div className="beside">
      <section>
        <h4>{say('replays.said')}</h4>
        {original ? <p className="said">{isCompared ? <Pieces of={answer.diff} without="added" /> : original}</p> : <p className="quiet">{say('replays.said_nothing')}</p>}
      </section>
      <section>
        <h4>{say('replays.would_say')}</h4>
        {isCompared ? (
          <p className="said">
            <Pieces of={answer.diff} without="removed" />
          </p>
        ) : (
          <Answer of={answer} />
        )}
      </section>
    </div>
  )
}

export function Pieces({ of: pieces, without }: { of: PieceBody[]; without: 'added' | 'removed' }) {
  return pieces
    .filter(({ kind }) => kind !== without)
    .map(({ kind, text }, at) => (kind === 'same' ? <span key={at}>{text}</span> : kind === 'added' ? <ins key={at}>{text}</ins> : <del key={at}>{text}</del>))
}

/** One that is awaited, that failed, or that is there. */
export function Answer({ of: { state, answer, reason } }: { of: ReplayBody }) {
  const say = useWords()
  if (state === 'waiting') {
    return (
      <>
        <p className="quiet">{say('replays.waiting')}</p>
        <Loading lines={2} />
      </>
    )
  }
  if (answer) return <p className="said">{answer}</p>
  return <p className="note fair">{reason ? say('replays.failed_because', { reason }) : say('replays.failed')}</p>
}
