// A rule as a form: facts, one below the other, that hold together or one by one.
import { FACTS, factWord, isValued, LANGUAGES, newPart, SIGNS, VALUES, type Fact, type Part, type RuleForm, type Sign } from '../lib/rules'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'

const PARTS_MAX = 12
const NUMBER_MAX = 100

interface RuleBuilderProps {
  form: RuleForm
  isFixed: boolean
  onChange: (form: RuleForm) => void
}

export function RuleBuilder({ form, isFixed, onChange }: RuleBuilderProps) {
  const say = useWords()
  const { join, parts } = form
  const replace = (at: number, change: Partial<Part>) =>
    onChange({ ...form, parts: parts.map((part, index) => (index === at ? { ...part, ...change } : part)) })
  return (
    <fieldset className="builder" disabled={isFixed}>
      <legend>{say('rules.when')}</legend>
      <ol>
        {parts.map((part, index) => (
          <li key={index}>
            {index > 0 && (
              <select className="join" aria-label={say('rules.join_of', { n: index + 1 })} value={join} onChange={(event) => onChange({ ...form, join: event.target.value as RuleForm['join'] })}>
                <option value="and">{say('rules.and')}</option>
                <option value="or">{say('rules.or')}</option>
              </select>
            )}
            <PartFields n={index + 1} part={part} onChange={(change) => replace(index, change)} />
            {parts.length > 1 && (
              <Button look="quiet" aria-label={say('rules.remove_part', { n: index + 1 })} onClick={() => onChange({ ...form, parts: parts.filter((_, other) => other !== index) })}>
                ×
              </Button>
            )}
          </li>
        ))}
      </ol>
      <Button disabled={parts.length >= PARTS_MAX} onClick={() => onChange({ ...form, parts: [...parts, newPart('failed_attempts')] })}>
        {say('rules.add_part')}
      </Button>
    </fieldset>
  )
}

function PartFields({ n, part, onChange }: { n: number; part: Part; onChange: (change: Partial<Part>) => void }) {
  const say = useWords()
  return (
    <div className="part">
      <select className="not" aria-label={say('rules.not_of', { n })} value={part.not ? 'not' : ''} onChange={(event) => onChange({ not: event.target.value === 'not' })}>
        <option value="">{say('rules.is')}</option>
        <option value="not">{say('rules.is_not')}</option>
      </select>
      <select className="fact" aria-label={say('rules.fact_of', { n })} value={part.fact} onChange={(event) => onChange({ fact: event.target.value as Fact, value: newPart(event.target.value as Fact).value })}>
        {FACTS.map((fact) => (
          <option key={fact} value={fact}>
            {say(factWord(fact))}
          </option>
        ))}
      </select>
      {part.fact === 'words' && (
        <input
          className="words"
          aria-label={say('rules.words_of', { n })}
          placeholder={say('rules.words_example')}
          value={part.words}
          maxLength={400}
          onChange={(event) => onChange({ words: event.target.value })}
          required
        />
      )}
      {(part.fact === 'count' || part.fact === 'failed_attempts') && (
        <>
          <select className="sign" aria-label={say('rules.sign_of', { n })} value={part.sign} onChange={(event) => onChange({ sign: event.target.value as Sign })}>
            {SIGNS.map((sign) => (
              <option key={sign} value={sign}>
                {say(`rules.sign_${NAMES[sign]}`)}
              </option>
            ))}
          </select>
          <input
            className="number"
            aria-label={say('rules.number_of', { n })}
            type="number"
            min={0}
            max={NUMBER_MAX}
            value={Number.isNaN(part.number) ? '' : part.number}
            onChange={(event) => onChange({ number: event.target.valueAsNumber })}
            required
          />
        </>
      )}
      {isValued(part.fact) && (
        <select aria-label={say('rules.value_of', { n })} value={part.value} onChange={(event) => onChange({ value: event.target.value })}>
          {VALUES[part.fact].map((value) => (
            <option key={value} value={value}>
              {say(`rules.value_${value}`)}
            </option>
          ))}
        </select>
      )}
      {part.fact === 'language' && (
        <span className="languages" role="group" aria-label={say('rules.languages_of', { n })}>
          {LANGUAGES.map((code) => (
            <label key={code} className="check">
              <input
                type="checkbox"
                checked={part.languages.includes(code)}
                onChange={(event) => onChange({ languages: LANGUAGES.filter((one) => (one === code ? event.target.checked : part.languages.includes(one))) })}
              />
              <span>{say(`rules.language_${code}`)}</span>
            </label>
          ))}
        </span>
      )}
    </div>
  )
}

const NAMES = { '>': 'more', '>=': 'at_least', '<': 'less', '<=': 'at_most', '=': 'equal', '!=': 'unequal' } as const satisfies Record<Sign, string>
