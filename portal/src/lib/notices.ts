// Which page a notice belongs to.
import type { NoticeBody } from '../api/schema'

export type About = (notice: Pick<NoticeBody, 'kind' | 'connection_id'>) => boolean

const OF_CONNECTIONS = ['connection_dead', 'token_refused', 'workspace_removed', 'events_held_back']
const OF_SENDS = ['send_failed', 'send_unclear']
const OF_MONEY = ['budget_alert', 'budget_exhausted']

export const isOfConnections: About = ({ kind, connection_id: connection }) => Boolean(connection) || OF_CONNECTIONS.includes(kind)
const OF_BILLING = ['payment_due', 'access_changed', 'answers_used_up', 'memories_rest']

export const isOfSends: About = ({ kind }) => OF_SENDS.includes(kind)
export const isOfMoney: About = ({ kind }) => OF_MONEY.includes(kind)
export const isOfOwnSystems: About = ({ kind }) => kind === 'webhook_failing'
export const isOfBilling: About = ({ kind }) => OF_BILLING.includes(kind)
