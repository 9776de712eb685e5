// Pages that learn what changed instead of asking, and ask when nobody tells them.
import assert from 'node:assert/strict'
import { TEAM } from './first-run.mjs'
import { until, wait } from './house.mjs'

/** Longer than it takes pages that ask by themselves to ask several times. */
const QUIET_MS = 6_000

export async function live({ house, test }, page) {
  const asked = []
  const listen = (request) => asked.push(new URL(request.url()).pathname)
  page.on('request', listen)
  const questions = () => asked.filter((path) => /\/(conversations|messages)$/.test(path)).length
  const said = (text) => house.slack('say', { team: TEAM, channel: 'CLIVE', user: 'UADA', text, mention: true })
  await test('while nothing happens nothing is asked, and what happens is there at once', async () => {
    await page.goto(`${house.address}/inbox`)
    await until('the stream', async () => asked.includes('/api/v1/events') || undefined)
    await page.locator('.row').first().getByRole('link').click()
    await page.locator('.message').first().waitFor()
    await wait(2_000)
    const before = questions()
    await wait(QUIET_MS)
    assert.ok(questions() - before <= 1, `${questions() - before} questions in ${QUIET_MS} ms`)
    const begin = performance.now()
    await said('Is anybody there?')
    await page.locator('.row', { hasText: 'Is anybody there?' }).or(page.locator('.row').first().getByText(/know/)).first().waitFor()
    assert.ok(performance.now() - begin < 3_500, `${performance.now() - begin} ms`)
  })
  await test('without a stream the page asks by itself', async () => {
    await page.route('**/api/v1/events', (route) => route.fulfill({ status: 503, body: 'no' }))
    await page.reload()
    await page.locator('.row').first().waitFor()
    const rows = await page.locator('.row').count()
    const before = questions()
    await house.slack('say', { team: TEAM, channel: 'CQUIET', user: 'UBOB', text: 'And here?', mention: true })
    await page.locator('.row').nth(rows).waitFor()
    await wait(QUIET_MS)
    assert.ok(questions() - before >= 2, 'it asks again and again')
    await page.unroute('**/api/v1/events')
    await page.reload()
    await page.locator('.row').first().waitFor()
  })
  page.off('request', listen)
}
