// What roles are called.
import type { Word } from './words'

export function roleWord(role: string | null | undefined): Word {
  return role === 'customer_admin' ? 'role.admin' : 'role.operator'
}
