// How large a file is, as people say it.
import { locale } from './time'

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte']

export function sizeOf(bytes: number): string {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1)
  const rounded = bytes / 1_000 ** step
  const digits = step === 0 || rounded >= 100 ? 0 : 1
  return rounded.toLocaleString(locale(), { style: 'unit', unit: UNITS[step], unitDisplay: 'short', maximumFractionDigits: digits })
}
