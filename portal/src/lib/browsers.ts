// What a browser called itself, in two words. Browsers name their ancestors, too: the first that fits is meant.
const BROWSERS = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari', 'curl']
const NAMES: Record<string, string> = { Edg: 'Edge', OPR: 'Opera' }
const SYSTEMS: [string, string][] = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Windows', 'Windows'],
  ['Mac OS', 'macOS'],
  ['Linux', 'Linux'],
]

export function browserOf(agent: string): string | undefined {
  const browser = BROWSERS.find((name) => agent.includes(name))
  const system = SYSTEMS.find(([sign]) => agent.includes(sign))?.[1]
  if (browser === undefined) return system
  const name = NAMES[browser] ?? browser
  return system ? `${name}, ${system}` : name
}
