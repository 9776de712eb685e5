// A few views of one thing, one of which is shown. Links: each has an address.
import type { ReactNode } from 'react'

export function Tabs({ label, children }: { label: string; children: ReactNode }) {
  return (
    <nav className="choices tabs" aria-label={label}>
      {children}
    </nav>
  )
}

interface ChoiceProps<T extends string | number> {
  label: string
  options: readonly (readonly [T, string])[]
  value: T
  onChange: (value: T) => void
}

/** The same for what is not worth an address of its own. */
export function Choice<T extends string | number>({ label, options, value, onChange }: ChoiceProps<T>) {
  return (
    <div className="choices" role="group" aria-label={label}>
      {options.map(([one, name]) => (
        <button key={one} type="button" className="choice" aria-pressed={value === one} onClick={() => onChange(one)}>
          {name}
        </button>
      ))}
    </div>
  )
}
