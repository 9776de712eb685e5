// Form fields with their label, hint and error tied to them for screen readers.
import { useId, type ComponentProps, type ReactNode } from 'react'
import { locale } from '../lib/time'
import { useWords } from '../lib/words'

interface About {
  label: string
  hint?: ReactNode
  /** Why it was not taken as it is. */
  error?: string | null
}

interface Ids {
  id: string
  described?: string
  wrong?: true
}

function Framed({ label, hint, error, children }: About & { children: (ids: Ids) => ReactNode }) {
  const id = useId()
  const [hintId, errorId] = [`${id}-hint`, `${id}-error`]
  const described = [error && errorId, hint && hintId].filter(Boolean).join(' ')
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, described: described || undefined, wrong: error ? true : undefined })}
      {error && (
        <p className="field-error" id={errorId} role="alert">
          {error}
        </p>
      )}
      {hint && (
        <p className="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  )
}

export function Field({ label, hint, error, ...input }: About & ComponentProps<'input'>) {
  return (
    <Framed label={label} hint={hint} error={error}>
      {({ id, described, wrong }) => <input {...input} id={id} aria-describedby={described} aria-invalid={wrong} />}
    </Framed>
  )
}

/** Of what is pasted, the browser leaves out in silence what does not fit. */
export function TextArea({ label, hint, error, ...area }: About & ComponentProps<'textarea'>) {
  const say = useWords()
  const { maxLength: max, value } = area
  const isFull = max !== undefined && typeof value === 'string' && value.length >= max
  return (
    <Framed label={label} hint={hint} error={error}>
      {({ id, described, wrong }) => (
        <>
          <textarea {...area} id={id} aria-describedby={described} aria-invalid={wrong} />
          <span className="hint" role="status">
            {isFull && say('field.full', { max: max.toLocaleString(locale()) })}
          </span>
        </>
      )}
    </Framed>
  )
}

export function Select({ label, hint, error, ...select }: About & ComponentProps<'select'>) {
  return (
    <Framed label={label} hint={hint} error={error}>
      {({ id, described, wrong }) => <select {...select} id={id} aria-describedby={described} aria-invalid={wrong} />}
    </Framed>
  )
}

export function Check({ label, ...input }: { label: string } & ComponentProps<'input'>) {
  return (
    <label className="check">
      <input type="checkbox" {...input} />
      <span>{label}</span>
    </label>
  )
}
