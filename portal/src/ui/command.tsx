// A command to copy. Where the browser forbids the clipboard (plain HTTP on a network), it selects the text instead.
import { useEffect, useRef, useState } from 'react'
import { useWords, type Word } from '../lib/words'

const NOTE_MS = 2_500

type Note = Extract<Word, 'command.copied' | 'command.by_hand'> | null

export function Command({ text }: { text: string }) {
  const say = useWords()
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
      setNote('command.copied')
    } catch {
      if (code.current !== null) getSelection()?.selectAllChildren(code.current)
      setNote('command.by_hand')
    }
  }

  return (
    <div className="command">
      <pre>
        <code ref={code}>{text}</code>
      </pre>
      <button type="button" onClick={() => void copy()} aria-label={`${say('command.copy')}: ${text}`}>
        {say(note ?? 'command.copy')}
      </button>
      <span className="for-readers" role="status">
        {note && say(note)}
      </span>
    </div>
  )
}
