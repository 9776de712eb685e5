// What agents may do: a tool is defined, granted, asked for in Slack, and approved or denied by a second person.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { button, fill, heading, inspect, newPage } from './browser.mjs'
import { TEAM } from './first-run.mjs'
import { until } from './house.mjs'

const TITLE = 'Printer is &lt;b&gt;broken&lt;/b&gt;'
const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name })

export async function acting(stage, page) {
  const desk = await startDesk()
  try {
    await define(stage, page, desk)
    await grant(stage, page)
    await approve(stage, page, desk)
    await meanwhile(stage, page, desk)
    await german(stage, page)
    await remove(stage, page)
  } finally {
    await desk.stop()
  }
}

/** The tenant's own system, which takes tickets. */
function startDesk() {
  const heard = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (bytes) => (body += bytes))
    request.on('end', () => {
      heard.push({ url: request.url, body, secret: request.headers.authorization })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"ticket":17}')
    })
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve({ heard, address: `http://127.0.0.1:${server.address().port}`, stop: () => new Promise((done) => server.close(done)) }),
    )
  })
}

async function define({ test }, page, desk) {
  await test('without tools the page says what they are for, and what is built in', async () => {
    await place(page, 'Tools').click()
    await heading(page, 'No tool of your own yet').waitFor()
    await page.getByText('Works out a sum of numbers.').waitFor()
    await inspect(page, 'tools-empty')
  })
  await test('what the gateway refuses of a tool is said at its field, and nothing typed is lost', async () => {
    await page.getByRole('main').getByRole('link', { name: 'New tool' }).first().click()
    await fill(page, 'Name', 'calculator')
    await fill(page, 'What it does, and when to use it', 'Opens a ticket at the IT desk.')
    await page.getByLabel('Method').selectOption('post')
    await page.getByRole('radio', { name: /^writes/ }).check()
    await fill(page, 'Address', 'https://10.0.0.1/desks/{desk}/tickets')
    await button(page, 'Add desk').click()
    await button(page, 'Add an argument').click()
    const second = page.getByRole('group', { name: 'Argument 2' })
    await second.getByLabel('Argument', { exact: true }).fill('title')
    await second.getByLabel('What it is').fill('What is broken')
    await button(page, 'Create tool').click()
    await page.locator('.field', { has: page.getByLabel('Name', { exact: true }) }).getByRole('alert').filter({ hasText: 'none of the product' }).waitFor()
    assert.equal(await page.getByLabel('Name', { exact: true }).getAttribute('aria-invalid'), 'true')
    await inspect(page, 'tool-refused')
    await fill(page, 'Name', 'open_ticket')
    await button(page, 'Create tool').click()
    await page.locator('.field', { has: page.getByLabel('Address', { exact: true }) }).getByRole('alert').waitFor()
    await fill(page, 'Address', `${desk.address}/desks/{desk}/tickets`)
    await fill(page, 'Header', 'host')
    await fill(page, 'Its value', 'Bearer desk-secret-4711')
    await button(page, 'Create tool').click()
    await page.locator('.field', { has: page.getByLabel('Header') }).getByRole('alert').filter({ hasText: 'a secret may go into' }).waitFor()
    await fill(page, 'Header', 'Authorization')
    await button(page, 'Create tool').click()
    await page.locator('.tools li', { hasText: 'open_ticket' }).getByText('writes').waitFor()
  })
  await test('the list shows where it leads, its secret’s end, and that nobody may use it yet', async () => {
    const line = page.locator('.tools li', { hasText: 'open_ticket' })
    await line.getByText('authorization').waitFor()
    await line.getByText('4711').waitFor()
    await line.getByText('No agent may use it yet.').waitFor()
    assert.ok(!(await page.content()).includes('desk-secret'))
    await inspect(page, 'tools')
    await line.getByRole('link', { name: 'Edit open_ticket' }).click()
    await page.getByText(/Stored: authorization/).waitFor()
    assert.equal(await page.getByLabel('Its value').inputValue(), '')
    await fill(page, 'What it does, and when to use it', 'Opens a ticket at the desk.')
    await button(page, 'Save').click()
    await page.locator('.tools li', { hasText: 'Opens a ticket at the desk.' }).getByText('4711').waitFor()
  })
}

async function grant({ test }, page) {
  await test('an agent is granted the tool by keyboard, and its version is kept', async () => {
    await place(page, 'Agents').click()
    const box = page.getByRole('checkbox', { name: /open_ticket/ })
    await box.focus()
    await page.keyboard.press('Space')
    await button(page, 'Save').click()
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
    await page.reload()
    await until('the grant', async () => (await box.isChecked().catch(() => false)) || undefined)
    await page.getByText('Versions', { exact: true }).click()
    await page.locator('.version-list ins', { hasText: 'open_ticket' }).waitFor()
    await inspect(page, 'agent-tools')
    await place(page, 'Tools').click()
    await page.locator('.tools li', { hasText: 'open_ticket' }).getByText('Used by').waitFor()
  })
}

const asks = (house, channel, text) => house.slack('say', { team: TEAM, channel, user: 'UADA', text, mention: true })

async function approve({ house, test }, page, desk) {
  await test('nothing waits, and the page says what will', async () => {
    await place(page, /^Approvals/).click()
    await heading(page, 'Nothing waits for you').waitFor()
    await inspect(page, 'approvals-empty')
  })
  await test('a call that waits appears by itself, with exactly what is sent, as text', async () => {
    await asks(house, 'CDESK', `Open a ticket: it, title=${TITLE}`)
    const card = page.locator('.approval')
    await card.waitFor({ timeout: 30_000 })
    await card.getByText('Printer is <b>broken</b>').first().waitFor()
    await card.getByText(/Asked for by Ada.*, through/).waitFor()
    await card.getByText(/1[45]:\d\d left/).waitFor()
    await place(page, /Approvals.*1 calls wait for an approval/).waitFor()
    await inspect(page, 'approvals')
    assert.equal(desk.heard.length, 0, 'nothing is sent yet')
  })
  await test('one key chooses, one approves, and what came of it is told', async () => {
    await page.keyboard.press('a')
    assert.equal(desk.heard.length, 0, 'nothing was chosen')
    await page.keyboard.press('j')
    await page.locator('.approval.chosen').waitFor()
    await page.keyboard.press('a')
    await page.locator('.approval').getByText('carried out', { exact: true }).waitFor({ timeout: 30_000 })
    await page.locator('.approval').getByText('Approved by you').waitFor()
    assert.equal(desk.heard.length, 1)
    assert.equal(desk.heard[0].url, '/desks/it/tickets')
    assert.equal(desk.heard[0].secret, 'Bearer desk-secret-4711')
    await inspect(page, 'approvals-done')
  })
  await test('the answer’s trace tells what was called, and that somebody allowed it', async () => {
    await place(page, 'Inbox').click()
    await page.locator('.row').first().getByRole('link').click()
    await page.keyboard.press('w')
    const call = page.locator('.tool-calls > li', { hasText: 'open_ticket' }).first()
    await call.waitFor({ state: 'attached' })
    // What asked for it is not the latest answer.
    await page.locator('.steps').evaluate((steps) => steps.querySelectorAll(':scope > li > details').forEach((step) => (step.open = true)))
    await call.getByText('carried out', { exact: true }).waitFor()
    await call.getByText(/ · approved by an operator$/).waitFor()
    await call.getByText('Printer is <b>broken</b>').waitFor()
    await inspect(page, 'why-tools')
    await place(page, /^Approvals/).click()
  })
}

async function meanwhile({ house, test, newContext }, page, desk) {
  await test('what a colleague decided meanwhile stays in sight, and says what they chose', async () => {
    await page.reload()
    await asks(house, 'CDESK2', 'Open a ticket: it, title=Second one')
    const card = page.locator('.approval', { hasText: 'Second one' })
    await card.waitFor({ timeout: 30_000 })
    const context = await newContext()
    await context.addCookies(await page.context().cookies())
    const other = await newPage(context, house.address)
    await other.goto(`${house.address}/approvals`)
    // This page does not hear of it before it is pressed.
    await page.route('**/api/v1/approvals?**', (route) => route.abort())
    await other.locator('.approval', { hasText: 'Second one' }).getByRole('button', { name: 'Deny' }).click()
    await other.locator('.approval').getByText('Denied by you').waitFor()
    await card.getByRole('button', { name: 'Approve' }).click()
    await page.unroute('**/api/v1/approvals?**')
    await page.getByText('Somebody else was quicker, and denied it.').waitFor()
    await card.getByText('denied', { exact: true }).waitFor()
    await inspect(page, 'approvals-meanwhile')
    await context.close()
    assert.equal(desk.heard.length, 1, 'what was denied is never sent')
  })
  await test('what was decided is history', async () => {
    await page.getByRole('link', { name: 'Decided' }).click()
    await page.waitForURL(/state=over/)
    await page.locator('.approval').nth(1).waitFor()
    await page.locator('.approval').first().getByText('As it is stored').click()
    await inspect(page, 'approvals-over')
  })
  await test('a list that can’t be had says so, and can be asked for again', async () => {
    await page.route('**/api/v1/approvals?**', (route) => route.fulfill({ status: 503, body: 'no' }))
    await page.reload()
    await heading(page, 'That did not work').waitFor()
    await inspect(page, 'approvals-failed')
    await page.unroute('**/api/v1/approvals?**')
    // It may have asked again by itself meanwhile.
    await button(page, 'Try again').click({ timeout: 2_000 }).catch(() => undefined)
    await page.locator('.approval').first().waitFor()
  })
}

async function german({ test }, page) {
  await test('tools and approvals are there in German', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Language', { exact: true }).selectOption('de')
    await page.getByRole('link', { name: 'Werkzeuge' }).click()
    await page.locator('.tools li', { hasText: 'schreibt' }).waitFor()
    await inspect(page, 'tools-de')
    await page.getByRole('link', { name: 'Freigaben' }).click()
    await page.getByRole('link', { name: 'Entschieden' }).click()
    await page.getByText('abgelehnt', { exact: true }).waitFor()
    await inspect(page, 'approvals-de')
    await page.getByRole('link', { name: 'Einstellungen' }).click()
    await page.getByLabel('Sprache', { exact: true }).selectOption('en')
    await until('English', async () => ((await page.locator('html').getAttribute('lang')) === 'en' ? true : undefined))
  })
}

async function remove({ test }, page) {
  await test('a deleted tool is taken from its agents', async () => {
    await place(page, 'Tools').click()
    await page.getByRole('link', { name: 'Edit open_ticket' }).click()
    await button(page, 'Delete').click()
    await heading(page, 'Delete open_ticket?').waitFor()
    await inspect(page, 'tool-delete')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await heading(page, 'No tool of your own yet').waitFor()
  })
}
