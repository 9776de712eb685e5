// Sends a whole file and tells how far it is: the browser's `fetch` can't say so. Everything else is as in `client.ts`.
import { address, asProblem, sessionToken, signedIn, Unreachable } from './client'
import type { DocumentBody } from './schema'

/** Longer than any of it should take: 20 MB over a slow line. */
const UPLOAD_TIMEOUT_MS = 10 * 60_000

interface Given {
  name: string
  title: string
  agentIds: string[]
}

/** From 0 to 1. */
type Progress = (part: number) => void

export function sendDocument(file: Blob, { name, title, agentIds }: Given, onProgress: Progress, signal?: AbortSignal): Promise<DocumentBody> {
  const query = { name, title, agent_ids: agentIds.length > 0 ? agentIds.join(',') : undefined }
  return signedIn(() => sendOnce(address('/api/v1/knowledge', {}, query), file, onProgress, signal))
}

function sendOnce(url: string, file: Blob, onProgress: Progress, signal: AbortSignal | undefined): Promise<DocumentBody> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', url)
    request.timeout = UPLOAD_TIMEOUT_MS
    request.setRequestHeader('accept', 'application/json')
    request.setRequestHeader('content-type', file.type || 'application/octet-stream')
    request.setRequestHeader('x-csrf-token', sessionToken())
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0)
    const lost = () => reject(new Unreachable('The gateway did not answer.'))
    request.onerror = lost
    request.ontimeout = lost
    request.onabort = () => reject(new DOMException('Given up', 'AbortError'))
    request.onload = () => {
      const answer = read(request.responseText)
      if (request.status >= 200 && request.status < 300) resolve(answer as DocumentBody)
      else reject(asProblem(request.status, answer))
    }
    signal?.addEventListener('abort', () => request.abort())
    request.send(file)
  })
}

function read(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
