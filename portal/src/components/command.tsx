// A command to copy. Where the browser forbids the clipboard (plain HTTP on a network), it selects the text instead.
import { useEffect, useRef, useState } from 'react'

const NOTE_MS = 2_500

type Note = 'Copied' | 'Press Ctrl+C' | null

export function Command({ text }: { text: string }) {
  const code = useRef<HTMLElement>(null)
  const [note, setNote] = useState<Note>(null)

  useEffect(() => {
    if (note === null) return undefined
    const timer = setTimeout(() => setNote(null), NOTE_MS)
    return () => clearTimeout(timer)
  }, [note])

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text)
      setNote('Copied')
    } catch {
      if (code.current !== null) getSelection()?.selectAllChildren(code.current)
      setNote('Press Ctrl+C')
    }
  }

  return (
    <div className="command">
      <pre>
        <code ref={code}>{text}</code>
      </pre>
      <button type="button" onClick={() => void copy()} aria-label={`Copy: ${text}`}>
        {note ?? 'Copy'}
      </button>
      <span className="for-readers" role="status">
        {note}
      </span>
    </div>
  )
}
