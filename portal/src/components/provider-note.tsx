// How a visit to the sign-in provider ended, as the gateway wrote it into the address.
import { useWords, type Word } from '../lib/words'

const ENDS: Record<string, Word> = {
  denied: 'provider.denied',
  refused: 'provider.refused',
  failed: 'provider.failed',
  late: 'provider.late',
  unknown: 'provider.unknown',
  taken: 'provider.taken',
  connected: 'provider.connected',
}

export function ProviderNote({ ended }: { ended: string | undefined }) {
  const say = useWords()
  const word = ended === undefined ? undefined : ENDS[ended]
  if (word === undefined) return null
  return ended === 'connected' ? (
    <p className="note" role="status">
      {say(word)}
    </p>
  ) : (
    <p className="note bad" role="alert">
      {say(word)}
    </p>
  )
}
