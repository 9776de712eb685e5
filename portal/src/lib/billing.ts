// What subscriptions and what they allow are called.
import type { BillingBody, SubscriptionBody } from '../api/schema'
import type { Mood } from '../ui/badge'
import type { Word } from './words'

const STATES: Record<string, [Word, Mood]> = {
  active: ['billing.active', 'good'],
  trialing: ['billing.trialing', 'good'],
  past_due: ['billing.past_due', 'fair'],
  incomplete: ['billing.incomplete', 'fair'],
  unpaid: ['billing.unpaid', 'bad'],
  paused: ['billing.paused', 'bad'],
}

/** Also of states that Stripe may have tomorrow: what is not known to be alive has ended. */
export function stateOf(subscription: Pick<SubscriptionBody, 'status' | 'cancel_at'> | null | undefined): [Word, Mood] {
  if (!subscription) return ['billing.none', 'calm']
  if (subscription.cancel_at && (subscription.status === 'active' || subscription.status === 'trialing')) return ['billing.ends', 'fair']
  return STATES[subscription.status] ?? ['billing.ended', 'calm']
}

/** Another subscription is begun only where there is none that lives. */
export const isLiving = (billing: Pick<BillingBody, 'subscription'> | undefined): boolean =>
  ['active', 'trialing', 'past_due', 'unpaid', 'paused'].includes(billing?.subscription?.status ?? '')

export const planName = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)
