// A rule as a line of the language: coloured while it is typed, and what the gateway stumbles over is marked at its column.
import { useId } from 'react'
import { colourOf, tokensOf } from '../lib/rules'
import { useWords } from '../lib/words'

const LINE_MAX = 500

interface RuleLineProps {
  line: string
  stumble: { column: number; text: string } | null
  isFixed: boolean
  onChange: (line: string) => void
}

export function RuleLine({ line, stumble, isFixed, onChange }: RuleLineProps) {
  const say = useWords()
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>{say('rules.line')}</label>
      <div className="code-field">
        <pre aria-hidden="true">
          <Coloured line={line} />
          {'\n'}
        </pre>
        <textarea
          id={id}
          value={line}
          rows={3}
          maxLength={LINE_MAX}
          spellCheck={false}
          autoCapitalize="off"
          readOnly={isFixed}
          aria-invalid={stumble !== null || undefined}
          aria-describedby={`${id}-hint`}
          onChange={(event) => onChange(event.target.value.replaceAll('\n', ' '))}
          required
        />
      </div>
      {stumble && <Stumble line={line} column={stumble.column} text={stumble.text} />}
      <details className="hint" id={`${id}-hint`}>
        <summary>{say('rules.language')}</summary>
        <p>{say('rules.language_text')}</p>
        <ul className="examples">
          {EXAMPLES.map((example) => (
            <li key={example}>
              <button type="button" className="link" disabled={isFixed} onClick={() => onChange(example)}>
                <code>{example}</code>
              </button>
            </li>
          ))}
        </ul>
      </details>
    </div>
  )
}

const EXAMPLES = [
  'refund*',
  'keyword in (refund, "charge back") and failed_attempts > 2',
  'keyword and count > 3',
  'lawyer or (language = de and keyword in (anwalt, klage))',
]

function Coloured({ line }: { line: string }) {
  const tokens = tokensOf(line)
  if (!tokens) return line
  return tokens.map(({ text, at }, index) => {
    const before = tokens[index - 1]
    const gap = line.slice(before ? before.at + before.text.length : 0, at)
    return (
      <span key={at}>
        {gap}
        <span className={`code-${colourOf(text)}`}>{text}</span>
      </span>
    )
  })
}

/** The gateway counts letters, not the units that the browser counts. */
function Stumble({ line, column, text }: { line: string; column: number; text: string }) {
  const say = useWords()
  const letters = [...line]
  const at = column - 1
  return (
    <div className="note bad stumble" role="alert">
      <p>{say('rules.column', { column, text })}</p>
      <pre>
        <code>
          {letters.slice(0, at).join('')}
          <mark>{letters[at] ?? ' '}</mark>
          {letters.slice(at + 1).join('')}
        </code>
      </pre>
    </div>
  )
}
