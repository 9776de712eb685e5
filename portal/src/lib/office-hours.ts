// Office hours as a form holds them: the stretches of each day as one line.

/** Monday first, as the gateway names them. */
export const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const

type Week = Record<(typeof DAYS)[number], string>

export function weekOf(known: object | undefined): Week {
  const given = (known ?? {}) as Record<string, string[] | undefined>
  return Object.fromEntries(DAYS.map((day) => [day, (given[day] ?? []).join(', ')])) as Week
}

/** Days without a stretch are left out. */
export function daysOf(week: Week): Record<string, string[]> {
  const days = DAYS.map((day) => [day, stretchesOf(week[day])] as const)
  return Object.fromEntries(days.filter(([, stretches]) => stretches.length > 0))
}

/** What stands between commas, with any dash between two times. */
export function stretchesOf(line: string): string[] {
  const parts = line.split(/[,;]/).map((part) => part.trim().replace(/\s*[–—-]\s*/g, '-'))
  return parts.filter(Boolean)
}

/** What the browser knows; any other name may be typed, too. */
export const zones = (): string[] => ['UTC', ...Intl.supportedValuesOf('timeZone')]
