// The client's types are those of the gateway's description.
// @vitest-environment node
import { expect, test } from 'vitest'
// @ts-expect-error: a build tool in plain JavaScript
import { schemaText } from '../../tools/schema.mjs'
import written from './schema.ts?raw'

test('the types are fresh; `npm run schema` renews them', async () => {
  expect(written).toBe(await schemaText())
})
