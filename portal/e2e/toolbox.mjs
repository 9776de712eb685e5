// A server that brings tools along, as a tenant may have one: the little of the Model Context Protocol that a look needs.
import { createServer } from 'node:http'

const TOKEN = 'toolbox-token-0815'
const CITY = { type: 'object', properties: { city: { type: 'string', maxLength: 100 } }, required: ['city'] }
const THINGS = { type: 'object', properties: { things: { type: 'array', items: { type: 'string' } } }, required: ['things'] }

export async function startToolbox() {
  const shelf = { description: 'Says what the weather is like in a city.' }
  const tools = () => [
    { name: 'weather', description: shelf.description, inputSchema: CITY, annotations: { readOnlyHint: true } },
    { name: 'book_trip', description: 'Books a trip to a city.', inputSchema: CITY },
    { name: 'pack', description: 'Packs things.', inputSchema: THINGS },
  ]
  const answers = {
    initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'toolbox', version: '1' } }),
    'tools/list': () => ({ tools: tools() }),
  }
  const server = createServer((request, response) => {
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return response.writeHead(401).end()
    if (request.method !== 'POST') return response.writeHead(405).end()
    let body = ''
    request.on('data', (bytes) => (body += bytes))
    request.on('end', () => {
      const { id, method, params } = JSON.parse(body)
      if (id === undefined) return response.writeHead(202).end()
      const result = answers[method]?.(params ?? {})
      const told = result ? { result } : { error: { code: -32601, message: 'not known here' } }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...told }))
    })
    return undefined
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    token: TOKEN,
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    describe: (description) => (shelf.description = description),
    stop: () => new Promise((done) => server.close(done) && server.closeAllConnections()),
  }
}
