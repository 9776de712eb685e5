// How quick a change of page is once its data is known, and what a page does on a line that is slow or down, and with megabytes.
import assert from 'node:assert/strict'
import { heading, inspect } from './browser.mjs'
import { TEAM } from './first-run.mjs'
import { wait } from './house.mjs'

const CHANGE_MS = 100
const ROUNDS = 5
const SLOW_MS = 1_500
const PASTED = 3_000_000
const INSTRUCTIONS_MAX = 20_000
const PAGES = ['Escalations', 'Contacts', 'Memory', 'Agents', 'Rules', 'Budgets']
const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name })

export async function quick(stage, page) {
  await changes(stage, page)
  await slow(stage, page)
  await down(stage, page)
  await pasted(stage, page)
}

/** From the click to the frame that shows the other page, by the browser's own clock. */
function changed(name) {
  const link = [...document.querySelectorAll('.side nav a')].find((one) => one.querySelector('span').textContent === name)
  const begin = performance.now()
  link.click()
  return new Promise((done) => {
    const look = () => (document.querySelector('main h1')?.textContent === name ? done(performance.now() - begin) : requestAnimationFrame(look))
    requestAnimationFrame(look)
  })
}

async function changes({ test }, page) {
  await test(`a page whose data is known is there within ${CHANGE_MS} ms`, async () => {
    for (const name of PAGES) {
      await place(page, name).click()
      await page.locator('main h1', { hasText: name }).waitFor()
      await page.locator('main .loading').first().waitFor({ state: 'detached' })
    }
    const took = Object.fromEntries(PAGES.map((name) => [name, []]))
    for (let round = 0; round < ROUNDS; round += 1) for (const name of PAGES) took[name].push(await page.evaluate(changed, name))
    const halves = PAGES.map((name) => took[name].sort((one, other) => one - other)[Math.floor(ROUNDS / 2)])
    console.log(`  ${PAGES.map((name, at) => `${name} ${halves[at].toFixed(0)} ms`).join(', ')}`)
    assert.ok(Math.max(...halves) <= CHANGE_MS, `${halves} ms`)
  })
}

async function slow({ house, test }, page) {
  await test('on a slow line the page says that it loads', async () => {
    await page.route('**/api/v1/escalation-rules', async (route) => {
      await wait(SLOW_MS)
      await route.continue().catch(() => undefined)
    })
    await page.goto(`${house.address}/rules`)
    // The page itself, not what stands there before it.
    await page.locator('main', { has: heading(page, 'Rules') }).getByRole('status', { name: 'Loading' }).first().waitFor()
    await page.locator('.rule-list').waitFor()
    await page.unroute('**/api/v1/escalation-rules')
  })
}

async function down({ house, test }, page) {
  await test('without a line the page says so, keeps what is there, and catches up by itself', async () => {
    await place(page, 'Inbox').click()
    await page.locator('.row').first().waitFor()
    const rows = await page.locator('.row').count()
    await page.context().setOffline(true)
    await page.getByRole('status').filter({ hasText: 'No connection.' }).waitFor()
    assert.equal(await page.locator('.row').count(), rows)
    await inspect(page, 'offline')
    await house.slack('say', { team: TEAM, channel: 'COFFLINE', user: 'UBOB', text: 'Said while nobody heard it.', mention: true })
    await page.context().setOffline(false)
    await page.getByText('No connection.').waitFor({ state: 'detached' })
    await page.locator('.row').nth(rows).waitFor()
  })
}

export async function pasted({ house, test }, page) {
  await test('of pasted megabytes a field takes what fits, and says that something is missing', async () => {
    await page.goto(`${house.address}/agents`)
    const field = page.getByLabel('Instructions', { exact: true })
    await field.focus()
    await page.keyboard.insertText('x'.repeat(PASTED))
    await page.getByRole('status').filter({ hasText: 'It is full: 20,000 characters at most.' }).waitFor()
    assert.equal((await field.inputValue()).length, INSTRUCTIONS_MAX)
    await page.goto(`${house.address}/inbox`)
    await page.locator('.row').first().waitFor()
  })
}
