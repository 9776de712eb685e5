// How the subscription stands, and what that means for the agents.
import type { BillingBody } from '../api/schema'
import { stateOf } from '../lib/billing'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'

export function BillingStatus({ billing: { subscription, access } }: { billing: BillingBody }) {
  const say = useWords()
  const [word, mood] = stateOf(subscription)
  const ends = subscription?.cancel_at
  const renews = subscription?.current_period_end
  return (
    <div className="billing-status">
      <Badge mood={mood}>{say(word)}</Badge>
      {ends ? (
        <span className="quiet">{say('billing.until', { when: moment(ends) })}</span>
      ) : (
        renews && mood === 'good' && <span className="quiet">{say('billing.renews', { when: moment(renews) })}</span>
      )}
      {subscription?.past_due_since && <span className="quiet">{say('billing.due_since', { when: moment(subscription.past_due_since) })}</span>}
      {access === 'paused' && <p className="note bad">{say('billing.access_paused')}</p>}
      {access === 'suspended' && <p className="note bad">{say('billing.access_suspended')}</p>}
      {access === 'read_only' && <p className="note bad">{say('billing.access_read_only')}</p>}
    </div>
  )
}
