// A long list of which only what is in view is drawn: ten thousand rows cost as much as thirty.
import { useCallback, useEffect, useState, type RefObject } from 'react'

/** Rows beyond both edges: what comes into view is there already. */
const BEYOND = 8
/** Until it is known how much room there is. */
const HEIGHT = 900

export interface Window {
  from: number
  to: number
  /** What the rows before and after take up. */
  before: number
  after: number
}

export function windowOf(count: number, rowHeight: number, top: number, height: number): Window {
  const from = Math.max(0, Math.min(count, Math.floor(top / rowHeight) - BEYOND))
  const to = Math.min(count, Math.ceil((top + height) / rowHeight) + BEYOND)
  return { from, to, before: from * rowHeight, after: (count - to) * rowHeight }
}

/** The rows of `box` that are drawn, and how to bring one into view. All of them are equally tall. */
export function useWindow(box: RefObject<HTMLElement | null>, count: number, rowHeight: number) {
  const [view, setView] = useState({ first: 0, height: HEIGHT })
  useEffect(() => {
    const element = box.current
    if (element === null) return undefined
    // In whole rows: a pixel more changes nothing.
    const look = () => {
      const first = Math.floor(element.scrollTop / rowHeight)
      const height = element.clientHeight
      setView((before) => (before.first === first && before.height === height ? before : { first, height }))
    }
    look()
    element.addEventListener('scroll', look, { passive: true })
    const observer = new ResizeObserver(look)
    observer.observe(element)
    return () => {
      element.removeEventListener('scroll', look)
      observer.disconnect()
    }
  }, [box, rowHeight])
  const show = useCallback(
    (at: number) => {
      const element = box.current
      if (element === null || at < 0) return
      const [top, bottom] = [at * rowHeight, (at + 1) * rowHeight]
      if (top < element.scrollTop) element.scrollTop = top
      else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight
    },
    [box, rowHeight],
  )
  return { ...windowOf(count, rowHeight, view.first * rowHeight, view.height), show }
}
