// One-key commands of a page. Whoever types, or holds a modifier, means something else.
import { useEffect, useRef } from 'react'

export type Shortcuts = Record<string, () => void>

export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts)
  useEffect(() => {
    latest.current = shortcuts
  })
  useEffect(() => {
    function press(event: KeyboardEvent): void {
      const command = latest.current[event.key]
      const isTyping = event.target instanceof HTMLElement && event.target.closest('input, textarea, select, dialog') !== null
      if (command === undefined || isTyping || event.ctrlKey || event.metaKey || event.altKey) return
      event.preventDefault()
      command()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
}
