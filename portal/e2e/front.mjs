// The portal's address of a test run: pages come from dist/, everything else from the gateway.
//
// A program embeds the files of the day it was built, and the ones just built are to be tried. The policy they are shown
// under is the gateway's own, taken from its answer to the same address.
import { createServer, request as ask } from 'node:http'
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'

const DIST = new URL('../dist/', import.meta.url).pathname
const KINDS = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const GATEWAYS = /^\/(api|oauth|webhooks|healthz|readyz)(\/|$)/
const HEADERS = ['content-security-policy', 'x-content-type-options', 'referrer-policy']

export async function startFront(port, gatewayPort) {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const options = { port: gatewayPort, path: request.url, method: request.method, headers: request.headers }
    const onward = ask(options, (answer) => {
      if (GATEWAYS.test(path)) {
        response.writeHead(answer.statusCode, answer.rawHeaders)
        answer.pipe(response)
        return
      }
      answer.resume()
      void serveFile(path, answer.headers, response)
    })
    onward.on('error', () => request.socket.destroy())
    // Whoever goes leaves the gateway's streams, too.
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections())
}

async function serveFile(path, headers, response) {
  for (const name of HEADERS) if (headers[name]) response.setHeader(name, headers[name])
  const name = extname(path) === '' ? 'index.html' : normalize(path)
  try {
    const file = await readFile(join(DIST, name))
    response.writeHead(200, { 'content-type': KINDS[extname(name)] ?? 'application/octet-stream' })
    response.end(file)
  } catch {
    response.writeHead(404).end()
  }
}
