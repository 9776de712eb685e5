// Bars over time, drawn here: a library for charts would be larger than all pages together. Each bar says its value to
// whoever points at it, and the same numbers stand in a table.
import { useEffect, useRef, useState } from 'react'

interface Bar {
  key: string
  value: number
  /** What it says when pointed at. */
  title: string
  /** Below the axis, where there is room. */
  label: string
  /** Part of its value is not known. */
  isPartly?: boolean
}

interface BarsProps {
  bars: Bar[]
  /** What all of it shows, for screen readers. */
  label: string
  written: (value: number) => string
  /** Half of one makes no sense. */
  isWhole?: boolean
}

/** Until it is known how much room there is. */
const WIDTH = 720
const HEIGHT = 200
const LEFT = 64
const BOTTOM = 24
const TOP = 10
const LABEL_WIDTH = 64

export function Bars({ bars, label, written, isWhole = false }: BarsProps) {
  const most = ceiling(Math.max(...bars.map(({ value }) => value), 0))
  const [box, width] = useWidth()
  const step = (width - LEFT) / Math.max(bars.length, 1)
  const tall = HEIGHT - BOTTOM - TOP
  const every = Math.max(1, Math.ceil(LABEL_WIDTH / step))
  const lines = ticks(most).filter((value) => !isWhole || Number.isInteger(value))
  return (
    <div className="chart" ref={box}>
      <svg className="bars" viewBox={`0 0 ${width} ${HEIGHT}`} height={HEIGHT} role="img" aria-label={label}>
        {lines.map((value) => {
          const y = TOP + tall - (most > 0 ? (value / most) * tall : 0)
          return (
            <g key={value}>
              <line className="grid" x1={LEFT} x2={width} y1={y} y2={y} />
              <text x={LEFT - 8} y={y + 4} textAnchor="end">
                {written(value)}
              </text>
            </g>
          )
        })}
        {bars.map(({ key, value, title, label: name, isPartly }, index) => {
          const height = most > 0 ? (value / most) * tall : 0
          const shown = value > 0 ? Math.max(height, 2) : 0
          const x = LEFT + index * step
          return (
            <g key={key} className={isPartly ? 'bar partly' : 'bar'}>
              <title>{title}</title>
              <rect className="reach" x={x} y={TOP} width={step} height={tall} />
              <rect className="value" x={x + step * 0.15} y={TOP + tall - shown} width={step * 0.7} height={shown} rx={Math.min(3, step * 0.2)} />
              {isPartly && <circle cx={x + step / 2} cy={TOP + tall - shown - 5} r={Math.min(3, step * 0.3)} />}
              {index % every === 0 && (
                <text x={x + step / 2} y={HEIGHT - 6} textAnchor="middle">
                  {name}
                </text>
              )}
            </g>
          )
        })}
      </svg>
    </div>
  )
}

/** Letters keep their size: on a narrow screen there are fewer of them, not smaller ones. */
function useWidth() {
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(WIDTH)
  useEffect(() => {
    if (!box.current) return undefined
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.max(LEFT * 2, Math.round(entry.contentRect.width))))
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [])
  return [box, width] as const
}

/** The next round number: 1, 2, 2.5 or 5 with zeros. */
export function ceiling(value: number): number {
  if (value <= 0) return 0
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 2.5, 5, 10].find((round) => round * power >= value) ?? 10) * power
}

/** From nothing to the top, in steps that are round as well. */
export function ticks(most: number): number[] {
  if (most <= 0) return [0]
  const isTwo = Math.round(most / 10 ** Math.floor(Math.log10(most))) === 2 && !String(most).includes('25')
  const steps = isTwo ? 4 : 5
  return Array.from({ length: steps + 1 }, (_, step) => (most * step) / steps)
}

/** How much of something is used, beside its words. */
export function Meter({ part, mood }: { part: number; mood: string }) {
  return (
    <svg className={`meter ${mood}`} viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      <rect className="track" width="100" height="4" />
      <rect className="value" width={Math.min(1, Math.max(0, part)) * 100} height="4" />
    </svg>
  )
}
