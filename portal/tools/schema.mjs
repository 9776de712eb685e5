// Writes src/api/schema.ts from gateway/openapi.json: `npm run schema`. A test fails when the two differ.
//
// The description uses a small part of JSON Schema, and what it does not use is refused here instead of guessed.
import { readFile, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'

const DESCRIPTION = new URL('../../gateway/openapi.json', import.meta.url)
const SCHEMA = new URL('../src/api/schema.ts', import.meta.url)
const METHODS = ['get', 'post', 'put', 'patch', 'delete']
const PLAIN = { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' }

/** The text that src/api/schema.ts should have. */
export async function schemaText() {
  const { paths, components } = JSON.parse(await readFile(DESCRIPTION, 'utf8'))
  const types = Object.entries(components.schemas).map(([name, schema]) => `export type ${name} = ${typeOf(schema)}\n`)
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => operation(method, path, item[method])),
  )
  return [
    '// Made from gateway/openapi.json by `npm run schema`; do not edit.\n',
    ...types,
    '/** What each route takes and answers. */',
    `export interface Operations {\n${operations.join('\n')}\n}\n`,
  ].join('\n')
}

function operation(method, path, { parameters = [], requestBody, responses }) {
  const inPath = parameters.filter(({ in: place }) => place === 'path').map(({ name }) => `${name}: string`)
  const inHeaders = parameters.filter(({ in: place }) => place === 'header').map(({ name }) => `'${name}'?: string`)
  const inQuery = parameters.filter(({ in: place }) => place === 'query').map(({ name, schema }) => `${name}?: ${typeOf(schema)} | null`)
  // What is no JSON is a file as it is.
  const json = requestBody?.content['application/json']
  const body = requestBody && (json ? typeOf(json.schema) : 'Blob')
  const request = [
    inPath.length > 0 && `path: { ${inPath.join('; ')} }`,
    inQuery.length > 0 && `query?: { ${inQuery.join('; ')} }`,
    inHeaders.length > 0 && `headers?: { ${inHeaders.join('; ')} }`,
    body && `body: ${body}`,
  ].filter(Boolean)
  const good = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]
  const answer = good?.content?.['application/json']?.schema
  return `  '${method.toUpperCase()} ${path}': {
    request: ${request.length > 0 ? `{ ${request.join('; ')} }` : 'object'}
    answer: ${answer ? typeOf(answer) : 'undefined'}
  }`
}

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split('/').at(-1)
  const several = schema.oneOf ?? schema.anyOf
  if (several) return several.map(typeOf).join(' | ')
  if (schema.allOf) return schema.allOf.map(typeOf).join(' & ')
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(' | ')
  if (schema.type === 'array') return `(${typeOf(schema.items)})[]`
  if (schema.type === 'object') return objectOf(schema)
  if (PLAIN[schema.type]) return PLAIN[schema.type]
  throw new Error(`This part of a description has no type here yet: ${JSON.stringify(schema)}`)
}

function objectOf({ properties = {}, required = [], additionalProperties }) {
  if (additionalProperties) return `Record<string, ${typeOf(additionalProperties)}>`
  const fields = Object.entries(properties).map(
    ([name, field]) => `${name}${required.includes(name) ? '' : '?'}: ${typeOf(field)}`,
  )
  return fields.length > 0 ? `{ ${fields.join('; ')} }` : 'object'
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await writeFile(SCHEMA, await schemaText())
