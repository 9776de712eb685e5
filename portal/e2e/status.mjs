// /status in every state of the installation. What the gateway says of itself is made up here; the page is the real one.
import assert from 'node:assert/strict'
import { button, heading, inspect, newPage } from './browser.mjs'

const postgresql = (ready, detail) => ({ name: 'postgresql', ready, required: true, detail })
const redis = (ready, detail) => ({ name: 'redis', ready, required: false, detail })
const report = (status, checks) => ({ status, json: { ready: status === 200, checks } })

const STATES = {
  ready: { answer: report(200, [postgresql(true, 'ok'), redis(true, 'ok')]), title: 'Ready' },
  slower: {
    answer: report(200, [postgresql(true, 'ok'), redis(false, 'no answer within 1 s; working without it, slower')]),
    title: 'Ready, but slower than usual',
  },
  'not-ready': { answer: report(503, [postgresql(false, 'no answer within 2 s'), redis(true, 'ok')]), title: 'Not ready' },
  strange: { answer: { status: 502, body: '<html>Bad gateway</html>' }, title: 'Something else answers' },
}

export async function statusPage({ house, test, newContext }) {
  const context = await newContext()
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: house.address })
  const page = await newPage(context, house.address)
  await test('status: the real gateway is ready, for anybody who asks', async () => {
    await page.goto(`${house.address}/status`)
    await heading(page, 'Ready').waitFor()
    await inspect(page, 'status')
  })
  let answer = STATES.ready.answer
  await page.route('**/readyz', (route) => route.fulfill(answer))
  for (const [name, state] of Object.entries(STATES)) {
    await test(`status: ${name}`, async () => {
      answer = state.answer
      await button(page, 'Check now').click()
      await heading(page, state.title).waitFor()
    })
  }
  await test('status: it recovers by itself', async () => {
    answer = STATES.ready.answer
    await heading(page, 'Ready').waitFor()
  })
  await test('status: a command is copied by keyboard', async () => {
    await page.getByRole('button', { name: /^Copy: konstruct chat/ }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('status').filter({ hasText: 'Copied' }).waitFor()
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'konstruct chat "My name is Ada. What can you do?"')
  })
  await context.close()
}
