// A modal on the browser's own <dialog>: focus stays inside and comes back, Escape closes it.
import { useEffect, useId, useRef, type ReactNode } from 'react'

interface DialogProps {
  title: string
  children: ReactNode
  /** Without it the dialog can't be left. */
  onClose?: () => void
  /** Nobody reads what is behind it. */
  hidesPage?: boolean
}

export function Dialog({ title, children, onClose, hidesPage = false }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const titleId = useId()

  useEffect(() => {
    const element = dialog.current
    element?.showModal()
    return () => element?.close()
  }, [])

  return (
    <dialog
      ref={dialog}
      className={hidesPage ? 'dialog hides' : 'dialog'}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onClose?.()
      }}
      onClick={(event) => event.target === dialog.current && onClose?.()}
    >
      <div className="dialog-inside">
        <h2 id={titleId}>{title}</h2>
        {children}
      </div>
    </dialog>
  )
}
