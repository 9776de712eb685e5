// Form fields with their label, hint and error tied to them for screen readers.
import { useId, type ComponentProps, type ReactNode } from 'react'

interface About {
  label: string
  hint?: ReactNode
}

function Framed({ label, hint, children }: About & { children: (ids: { id: string; described?: string }) => ReactNode }) {
  const id = useId()
  const hintId = `${id}-hint`
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, described: hint ? hintId : undefined })}
      {hint && (
        <p className="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  )
}

export function Field({ label, hint, ...input }: About & ComponentProps<'input'>) {
  return (
    <Framed label={label} hint={hint}>
      {({ id, described }) => <input {...input} id={id} aria-describedby={described} />}
    </Framed>
  )
}

export function TextArea({ label, hint, ...area }: About & ComponentProps<'textarea'>) {
  return (
    <Framed label={label} hint={hint}>
      {({ id, described }) => <textarea {...area} id={id} aria-describedby={described} />}
    </Framed>
  )
}

export function Select({ label, hint, ...select }: About & ComponentProps<'select'>) {
  return (
    <Framed label={label} hint={hint}>
      {({ id, described }) => <select {...select} id={id} aria-describedby={described} />}
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
