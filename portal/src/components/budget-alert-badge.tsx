// How a budget stands: half, four fifths, all; neutral where no limit is set.
import type { BudgetBody } from '../api/schema'
import { alertOf, percent } from '../lib/money'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'

export function BudgetAlertBadge({ budget }: { budget: BudgetBody }) {
  const say = useWords()
  const { mood, word, part } = alertOf(budget)
  return <Badge mood={mood}>{say(word, part === null ? {} : { part: percent(part) })}</Badge>
}
