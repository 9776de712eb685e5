// A word with a colour; never a colour alone.
import type { ReactNode } from 'react'

export type Mood = 'good' | 'fair' | 'bad' | 'calm'

export function Badge({ mood = 'calm', children }: { mood?: Mood; children: ReactNode }) {
  return <span className={`badge ${mood}`}>{children}</span>
}

export function ChannelBadge({ channel }: { channel: string }) {
  return <span className={`channel ${channel}`}>{channel === 'whatsapp' ? 'WhatsApp' : 'Slack'}</span>
}

/** The first letters of a name, for the eye only: the name stands beside it. */
export function Initials({ name, kind = 'person' }: { name: string; kind?: string }) {
  const letters = name.trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? '')
  return (
    <span className={`initials ${kind}`} aria-hidden="true">
      {letters.join('').toUpperCase() || '?'}
    </span>
  )
}
