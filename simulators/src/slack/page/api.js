// The simulator's control API, as far as a person in a chat needs it. The only `fetch` of the page.

async function ask(path, options) {
  const response = await fetch(`/_sim/${path}`, options)
  const body = await response.json().catch(() => null)
  if (!response.ok) throw new Error(body?.error ?? `The simulator answered ${response.status}.`)
  return body
}

const get = (path, query, options) => ask(`${path}?${new URLSearchParams(query)}`, options)
const post = (path, body) =>
  ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** What is sent to the app at once: if it does not take it, the person must know. */
async function deliver(path, body) {
  const { status, error } = await post(path, body)
  if (status !== 200) throw new Error(`The app did not take it: ${error ?? `it answered ${status}`}.`)
}

export const api = {
  directory: () => get('directory', {}),
  transcript: (team, channel) => get('transcript', { team, channel }),
  /** Dialogs, the home page, and lines only this person sees. */
  surfaces: (team, user) => get('surfaces', { team, user }),
  status: (team, channel, thread_ts) => get('status', { team, channel, thread_ts }),
  /** Waits for something newer than `after`. */
  news: (team, after, signal) => get('history', { team, after, wait_ms: 25_000 }, { signal }),
  say: (words) => post('say', words),
  edit: (change) => post('edit', change),
  remove: (message) => post('delete', message),
  click: (press) => deliver('click', press),
  submit: (dialog) => deliver('submit', dialog),
  command: (words) => deliver('command', words),
  event: (team, event) => post('event', { team, event }),
}
