// Asks for the state again and again, one question at a time.
import { useCallback, useEffect, useRef, useState } from 'react'
import { askReadiness, type Outcome } from '../api/readiness'

export const REFRESH_MS = 5_000

export interface Live {
  /** `null` until the first answer. */
  outcome: Outcome | null
  checkedAt: Date | null
  checkNow: () => void
}

export function useReadiness(): Live {
  const [state, setState] = useState<Omit<Live, 'checkNow'>>({ outcome: null, checkedAt: null })
  const checkNow = useRef<() => void>(() => undefined)

  useEffect(() => {
    let stopped = false
    let asking = false
    let timer: ReturnType<typeof setTimeout> | undefined

    async function check(): Promise<void> {
      if (asking || stopped) return
      asking = true
      clearTimeout(timer)
      const outcome = await askReadiness()
      asking = false
      if (stopped) return
      setState({ outcome, checkedAt: new Date() })
      timer = setTimeout(check, REFRESH_MS)
    }

    checkNow.current = () => void check()
    void check()
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }, [])

  return { ...state, checkNow: useCallback(() => checkNow.current(), []) }
}
