// Whom a rule hands over to: colleagues who may answer. Nobody chosen: everybody.
import { useQuery } from '@tanstack/react-query'
import { membersQuery } from '../api/queries'
import { useWords } from '../lib/words'
import { Check } from '../ui/field'

const ASSIGNED_MAX = 20

interface RuleMembersProps {
  assigned: string[]
  isFixed: boolean
  onChange: (assigned: string[]) => void
}

export function RuleMembers({ assigned, isFixed, onChange }: RuleMembersProps) {
  const say = useWords()
  const members = useQuery(membersQuery)
  if (!members.data) return null
  const able = members.data.items.filter((member) => !member.read_only)
  const here = assigned.filter((id) => able.some((member) => member.user_id === id))
  return (
    <fieldset className="rule-members">
      <legend>{say('rules.goes_to')}</legend>
      <p className="quiet">{say(here.length === 0 ? 'rules.goes_to_everybody' : here.length === 1 ? 'rules.goes_to_one' : 'rules.goes_to_some')}</p>
      {able.map(({ user_id: id, name, mail }) => (
        <Check
          key={id}
          label={name || mail}
          checked={here.includes(id)}
          disabled={isFixed || (!here.includes(id) && here.length >= ASSIGNED_MAX)}
          // Who has left goes with the first change.
          onChange={(event) => onChange(event.target.checked ? [...here, id] : here.filter((one) => one !== id))}
        />
      ))}
      {here.length < assigned.length && <p className="quiet">{say('rules.goes_to_former')}</p>}
    </fieldset>
  )
}
