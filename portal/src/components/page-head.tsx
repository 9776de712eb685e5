// Title of a page, with what can be done on it.
import type { ReactNode } from 'react'

export function PageHead({ title, text, children }: { title: string; text?: ReactNode; children?: ReactNode }) {
  return (
    <header className="page-head">
      <div>
        <h1>{title}</h1>
        {text && <p className="quiet">{text}</p>}
      </div>
      {children && <div className="actions">{children}</div>}
    </header>
  )
}
