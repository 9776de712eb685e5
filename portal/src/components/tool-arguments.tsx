// What goes along with a call, as lines: the gateway's part of JSON Schema holds nothing that they could not say.
import { ARGUMENT_KINDS, newArgument, type Argument, type ArgumentKind } from '../lib/tools'
import { useWords, type Word } from '../lib/words'
import { Button } from '../ui/button'
import { Check, Field, Select } from '../ui/field'

/** As the gateway. */
const ARGUMENTS_MAX = 20
const NAME_MAX = 40
const DESCRIPTION_MAX = 300
const KINDS: Record<ArgumentKind, Word> = { string: 'tools.kind_text', integer: 'tools.kind_whole', number: 'tools.kind_number', boolean: 'tools.kind_flag' }

interface ToolArgumentsProps {
  args: Argument[]
  /** Places of the address without an argument. */
  missing: string[]
  doubled: string | undefined
  error: string | null
  isFixed: boolean
  onChange: (args: Argument[]) => void
  onAdd: (name: string) => void
}

export function ToolArguments({ args, missing, doubled, error, isFixed, onChange, onAdd }: ToolArgumentsProps) {
  const say = useWords()
  const replace = (at: number, change: Partial<Argument>) => onChange(args.map((one, index) => (index === at ? { ...one, ...change } : one)))
  return (
    <fieldset className="group tool-arguments" disabled={isFixed}>
      <legend>{say('tools.arguments')}</legend>
      <p className="hint">{say('tools.arguments_text')}</p>
      <ol>
        {args.map((one, at) => (
          <li key={at}>
            <Line one={one} n={at + 1} onChange={(change) => replace(at, change)} onRemove={() => onChange(args.filter((_, other) => other !== at))} />
          </li>
        ))}
      </ol>
      {missing.map((name) => (
        <p key={name} className="note">
          {say('tools.missing', { name: `{${name}}` })}{' '}
          <button type="button" className="link" onClick={() => onAdd(name)}>
            {say('tools.add_named', { name })}
          </button>
        </p>
      ))}
      {doubled !== undefined && (
        <p className="field-error" role="alert">
          {say('tools.twice', { name: doubled })}
        </p>
      )}
      {error && (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
      {!isFixed && (
        <Button disabled={args.length >= ARGUMENTS_MAX} onClick={() => onChange([...args, newArgument()])}>
          {say('tools.add_argument')}
        </Button>
      )}
    </fieldset>
  )
}

interface LineProps {
  one: Argument
  n: number
  onChange: (change: Partial<Argument>) => void
  onRemove: () => void
}

function Line({ one, n, onChange, onRemove }: LineProps) {
  const say = useWords()
  const text = (name: 'name' | 'description' | 'choices' | 'least' | 'most') => ({
    value: one[name],
    onChange: (event: { target: { value: string } }) => onChange({ [name]: event.target.value }),
  })
  const isText = one.kind === 'string'
  return (
    <div className="argument" role="group" aria-label={say('tools.argument_n', { n })}>
      <Field label={say('tools.argument_name')} {...text('name')} maxLength={NAME_MAX} pattern="[A-Za-z0-9_]+" spellCheck={false} required />
      <Select label={say('tools.argument_kind')} value={one.kind} onChange={(event) => onChange({ kind: event.target.value as ArgumentKind, least: '', most: '', choices: '' })}>
        {ARGUMENT_KINDS.map((kind) => (
          <option key={kind} value={kind}>
            {say(KINDS[kind])}
          </option>
        ))}
      </Select>
      <Field label={say('tools.argument_about')} {...text('description')} maxLength={DESCRIPTION_MAX} />
      <div className="actions">
        <Check label={say('tools.required')} checked={one.isRequired} onChange={(event) => onChange({ isRequired: event.target.checked })} />
        <Button look="quiet" aria-label={say('tools.remove_argument', { n })} onClick={onRemove}>
          ×
        </Button>
      </div>
      {one.kind !== 'boolean' && (
        <details className="argument-limits" open={one.choices !== '' || one.least !== '' || one.most !== ''}>
          <summary>{say('tools.limits')}</summary>
          <div>
            {isText && <Field label={say('tools.choices')} hint={say('tools.choices_hint')} {...text('choices')} />}
            <Field label={say(isText ? 'tools.shortest' : 'tools.least')} {...text('least')} type="number" step={one.kind === 'number' ? 'any' : 1} />
            <Field label={say(isText ? 'tools.longest' : 'tools.most')} {...text('most')} type="number" step={one.kind === 'number' ? 'any' : 1} />
          </div>
        </details>
      )}
    </div>
  )
}
