// Serves dist/ as the gateway does (same policy, same fallback), with a /readyz that says what a test wants.
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'

const DIST = new URL('../dist/', import.meta.url).pathname
const POLICY =
  "default-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
const KINDS = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }

/** @param {() => { status: number, body: string } | null} readyz `null` breaks the connection. */
export async function startServer(readyz) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    response.setHeader('content-security-policy', POLICY)
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('referrer-policy', 'no-referrer')
    if (path === '/readyz') {
      const answer = readyz()
      if (answer === null) return request.socket.destroy()
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      return response.end(answer.body)
    }
    const name = extname(path) === '' ? 'index.html' : normalize(path)
    try {
      const file = await readFile(join(DIST, name))
      response.writeHead(200, { 'content-type': KINDS[extname(name)] ?? 'application/octet-stream' })
      response.end(file)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections()),
  }
}
