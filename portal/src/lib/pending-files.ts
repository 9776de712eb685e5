// Files on their way, kept in this browser until the gateway has them: a page that is loaded anew goes on sending them.
//
// They are kept for the tenant and the person that chose them, and nobody else's pages look at them.

export interface Pending {
  id: string
  /** Whose: tenant and user. */
  owner: string
  name: string
  title: string
  agentIds: string[]
  since: string
  file: Blob
}

const STORE = 'files'
const VERSION = 1

let opened: Promise<IDBDatabase> | null = null

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('konstruct-uploads', VERSION)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('no storage'))
  })
  return opened
}

async function within<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open()
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode)
    const request = act(transaction.objectStore(STORE))
    transaction.oncomplete = () => resolve(request.result)
    transaction.onabort = () => reject(transaction.error ?? new Error('no room'))
  })
}

/** A browser that keeps nothing, or has no room, still sends: the file is then lost with the page. */
export async function keep(pending: Pending): Promise<boolean> {
  return within('readwrite', (store) => store.put(pending)).then(
    () => true,
    () => false,
  )
}

export async function drop(id: string): Promise<void> {
  await within('readwrite', (store) => store.delete(id)).catch(() => undefined)
}

export async function keptOf(owner: string): Promise<Pending[]> {
  const all = (await within<Pending[]>('readonly', (store) => store.getAll()).catch(() => [])) as Pending[]
  return all.filter((pending) => pending.owner === owner).sort((one, other) => one.since.localeCompare(other.since))
}

/** Whoever signs out leaves nothing behind. */
export async function dropAll(): Promise<void> {
  if (typeof indexedDB === 'undefined') return
  await within('readwrite', (store) => store.clear()).catch(() => undefined)
}
