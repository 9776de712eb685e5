// The few icons of the navigation, drawn here: no font and no third party.
const PATHS = {
  inbox: 'M3 12h4l2 3h6l2-3h4M3 12l3-7h12l3 7v6a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z',
  contacts: 'M6 3.5h13v17H6zM3.5 8H6M3.5 12H6M3.5 16H6M12.5 11.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM9 16.5c0-1.7 1.5-2.9 3.5-2.9s3.5 1.2 3.5 2.9',
  memory: 'M12 5c4.4 0 8 1.3 8 3s-3.6 3-8 3-8-1.3-8-3 3.6-3 8-3zM4 8v4c0 1.7 3.6 3 8 3s8-1.3 8-3V8M4 12v4c0 1.7 3.6 3 8 3s8-1.3 8-3v-4',
  audit: 'M7 3h8l4 4v14H5V5a2 2 0 0 1 2-2zM14 3v5h5M8.5 14.5l2.2 2.2 4.3-4.7',
  escalations: 'M12 3.5l9.5 16.5h-19zM12 10v4.5M12 17.2v.1',
  approvals: 'M12 3l7 3v5c0 4.6-2.9 8-7 10-4.1-2-7-5.4-7-10V6zM8.8 12l2.3 2.3 4.2-4.6',
  tools: 'M14.5 6.5a4 4 0 0 1 5-1L17 8l1 2 2.4.4a4 4 0 0 1-5.6 3.3L8 20.5a2 2 0 0 1-3-3l6.8-6.8a4 4 0 0 1 2.7-4.2z',
  knowledge: 'M5 4.5h10l4 4v11H5zM14.5 4.5v4.5H19M8.5 12h7M8.5 15.5h7',
  platform: 'M4 5h16v5H4zM4 14h16v5H4zM7.5 7.5v.01M7.5 16.5v.01',
  rules: 'M4 6h9M4 12h6M4 18h9M17 8.5l2 2 3-4M16.5 15.5l4 4M20.5 15.5l-4 4',
  routines: 'M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 7v5.2l3.4 2',
  cases: 'M8 4.5H5.5v16h13v-16H16M8.5 3h7v3.5h-7zM8.5 13.5l2.4 2.4 4.6-4.8',
  keys: 'M8 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM11.5 12H21M18 12v3.5M14.8 12v2.5',
  usage: 'M4 20V4M4 20h16M8.5 16v-4M12.5 16V8M16.5 16v-6',
  analytics: 'M4 18.5l5.5-6 4 3.5L20 8M15.5 8H20v4.5',
  system: 'M12 20.5a8.5 8.5 0 1 1 8.5-8.5M12 12l4.5-4.5M17 19.5l1.8 1.5 3-4',
  budgets: 'M4 7h15a1.5 1.5 0 0 1 1.5 1.5V18a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 18V6A1.5 1.5 0 0 1 5 4.5h11.5V7M16.5 13.2v.1',
  billing: 'M3.5 6.5h17v11h-17zM3.5 10h17M7 14.5h4',
  agents: 'M12 3v3M6 9a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2zM9.5 11.5v1M14.5 11.5v1M4 21h16',
  connections: 'M9 15l6-6M8 11l-2 2a3.5 3.5 0 0 0 5 5l2-2M16 13l2-2a3.5 3.5 0 0 0-5-5l-2 2',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.3 2.7-5.5 6-5.5s6 2.2 6 5.5M16 4.5a3.5 3.5 0 0 1 0 6M18 15c1.8.8 3 2.6 3 5',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  status: 'M3 12h4l3-7 4 14 3-7h4',
  tenants: 'M4 20V6l7-3v17M11 9l9 3v8M2 20h20M7 8v.01M7 12v.01M7 16v.01M15 14v.01M15 17v.01',
  back: 'M15 5l-7 7 7 7',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  )
}
