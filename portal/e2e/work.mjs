// A day's work of the owner: the inbox, the agents, the connections, and everything under settings.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { button, fill, heading, inspect } from './browser.mjs'
import { OWNER, TEAM } from './first-run.mjs'
import { until } from './house.mjs'
import { notes } from './notes.mjs'

const REPLY = 'Grace here, a person. <script>alert(1)</script> *Hello!*'

export async function work({ house, test }, page) {
  await inbox(house, test, page)
  await notes(house, test, page)
  await keyboard(house, test, page)
  await expiry(house, test, page)
  await tools(house, test, page)
  await settings(house, test, page)
}

async function inbox(house, test, page) {
  await test('what people write is text, whatever it looks like', async () => {
    await page.locator('.message .said', { hasText: '<b>What</b>' }).waitFor()
    await inspect(page, 'conversation')
  })
  await test('a conversation is taken over, answered, and the answer reaches Slack', async () => {
    await button(page, 'Take over').click()
    await button(page, 'Give back').waitFor()
    await fill(page, `Answer as ${OWNER.name}`, REPLY)
    await button(page, 'Send').click()
    await page.locator('.message.operator .said', { hasText: 'Grace here, a person. <script>' }).waitFor()
    assert.equal(await page.getByLabel(`Answer as ${OWNER.name}`).inputValue(), '')
    await until('the reply in Slack', async () => {
      const said = await house.transcript(TEAM, 'CGENERAL')
      return JSON.stringify(said).includes('Grace here, a person.') || undefined
    })
    await inspect(page, 'taken-over')
  })
}

async function keyboard(house, test, page) {
  await test('a second conversation appears by itself, and j and k go through both', async () => {
    await house.slack('say', { team: TEAM, channel: 'CSALES', user: 'UBOB', text: 'Where are the numbers?', mention: true })
    await page.locator('.row').nth(1).waitFor()
    await page.keyboard.press('Escape')
    await page.locator('h2', { hasText: 'Choose a conversation' }).waitFor()
    await inspect(page, 'inbox')
    const open = () => new URL(page.url()).searchParams.get('conversation')
    await page.keyboard.press('j')
    await page.waitForURL(/conversation=cnv_/)
    const first = open()
    await page.keyboard.press('j')
    await page.waitForURL((url) => url.searchParams.get('conversation') !== first)
    await page.keyboard.press('k')
    await page.waitForURL((url) => url.searchParams.get('conversation') === first)
  })
  await test('slash finds, and the filter survives a reload', async () => {
    await page.keyboard.press('/')
    await page.keyboard.type('nothing like that')
    await heading(page, 'Nothing fits these filters').waitFor()
    await button(page, 'Clear filters').click()
    await page.getByLabel('Who answers').selectOption('human')
    await page.waitForURL(/who=human/)
    await page.reload()
    await page.locator('.row').waitFor()
    assert.equal(await page.locator('.row').count(), 1)
    await page.getByLabel('Who answers').selectOption('')
  })
  await test('a question mark shows the keys', async () => {
    await heading(page, 'Conversations').click()
    await page.keyboard.press('?')
    await heading(page, 'Keyboard shortcuts').waitFor()
    await inspect(page, 'shortcuts')
    await page.keyboard.press('Escape')
    await heading(page, 'Keyboard shortcuts').waitFor({ state: 'detached' })
  })
}

async function expiry(house, test, page) {
  const typed = 'Written before the session ended.'
  await test('a session that ends loses nothing that was typed', async () => {
    await page.locator('.row', { hasText: 'taken over' }).getByRole('link').click()
    await fill(page, `Answer as ${OWNER.name}`, typed)
    await page.context().clearCookies()
    await button(page, 'Send').click()
    await heading(page, 'Please sign in again').waitFor()
    await inspect(page, 'sign-in-again')
    assert.equal(await page.getByLabel(`Answer as ${OWNER.name}`).inputValue(), typed)
    await page.getByLabel('Password', { exact: true }).fill(OWNER.password)
    await button(page, 'Sign in').click()
    await page.locator('.message.operator .said', { hasText: typed }).waitFor()
    await button(page, 'Give back').click()
    await button(page, 'Take over').waitFor()
  })
  await test('a broken line is told, and what was typed stays', async () => {
    await page.keyboard.press('t')
    await fill(page, `Answer as ${OWNER.name}`, 'Sent later')
    await page.route('**/reply', (route) => route.fulfill({ status: 503, body: 'no' }))
    await button(page, 'Send').click()
    await page.getByRole('alert').filter({ hasText: 'Something else than the gateway answered (503)' }).waitFor()
    assert.equal(await page.getByLabel(`Answer as ${OWNER.name}`).inputValue(), 'Sent later')
    await page.unroute('**/reply')
    await button(page, 'Send').click()
    await page.locator('.message.operator .said', { hasText: 'Sent later' }).waitFor()
  })
}

async function tools(house, test, page) {
  await test('an agent is changed and keeps it', async () => {
    await page.getByRole('link', { name: 'Agents' }).click()
    await fill(page, 'Tone', 'Friendly')
    await button(page, 'Save').click()
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
    await page.reload()
    await until('the tone', async () => (await page.getByLabel('Tone').inputValue()) === 'Friendly' || undefined)
    await inspect(page, 'agents')
  })
  await test('connecting Slack by a click begins with a link of ours', async () => {
    await page.getByRole('link', { name: 'Connections' }).click()
    await button(page, 'Connect a channel').click()
    await button(page, 'Add to Slack').click()
    const link = page.getByRole('link', { name: 'Open Slack' })
    assert.match(await link.getAttribute('href'), /\/oauth\/slack\/install\?/)
    await inspect(page, 'connect')
    await button(page, 'Cancel').click()
  })
  await test('a WhatsApp number is connected by hand', async () => {
    await button(page, 'Connect a channel').click()
    await button(page, 'WhatsApp').click()
    await fill(page, 'Phone number ID', '132392326719771')
    await fill(page, 'Access token', 'EAAsimulateddemo')
    await button(page, 'Connect').click()
    await page.locator('.connection').nth(1).waitFor()
    await inspect(page, 'connections')
  })
}

async function settings(house, test, page) {
  await test('an API key is shown once', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await button(page, 'New key').click()
    await fill(page, 'What is it for?', 'nightly import')
    await button(page, 'Create key').click()
    const key = await page.locator('dialog code').textContent()
    assert.match(key, /^kst_/)
    await button(page, 'Done').click()
    await page.getByText('nightly import').waitFor()
    assert.ok(!(await page.content()).includes(key))
    await inspect(page, 'settings')
  })
  await ownSystem(test, page)
  await test('German is complete enough to be read, and stays chosen', async () => {
    await page.getByLabel('Language', { exact: true }).selectOption('de')
    await heading(page, 'Einstellungen').waitFor()
    await page.reload()
    await heading(page, 'Einstellungen').waitFor()
    await inspect(page, 'settings-de')
    await page.getByLabel('Sprache', { exact: true }).selectOption('en')
  })
  await secondFactor(house, test, page)
}

async function ownSystem(test, page) {
  const heard = []
  const system = createServer((request, response) => {
    let body = ''
    request.on('data', (bytes) => (body += bytes))
    request.on('end', () => {
      heard.push({ body: JSON.parse(body), signature: request.headers['webhook-signature'] })
      response.writeHead(204).end()
    })
  })
  await new Promise((listening) => system.listen(0, '127.0.0.1', listening))
  await test('an own system is told what happens, with a secret that is shown once', async () => {
    const panel = page.locator('section', { has: heading(page, 'Webhooks to your own systems') })
    await button(panel, 'Add a system').click()
    await fill(page, 'Address', `http://127.0.0.1:${system.address().port}/hook`)
    const dialog = page.locator('dialog')
    await dialog.getByLabel('The whole audit log').uncheck()
    assert.ok(await button(dialog, 'Add').isDisabled(), 'something has to be chosen')
    assert.ok(await dialog.getByLabel('Send along what was written').isDisabled(), 'it goes with messages only')
    await dialog.getByLabel('Answers of agents').check()
    await dialog.getByLabel('Send along what was written').check()
    await fill(page, 'Of the audit log only these acts', 'webhook_endpoint.ping')
    await inspect(page, 'settings-own-system-new')
    await button(dialog, 'Add').click()
    const secret = await page.locator('dialog code').textContent()
    assert.match(secret, /^whsec_/)
    await button(page, 'Done').click()
    await panel.getByRole('button', { name: /^Try it/ }).click()
    await panel.getByText('arrived').waitFor({ timeout: 60_000 })
    assert.ok(!(await page.content()).includes(secret))
    const [{ body, signature }] = heard
    assert.equal(body.type, 'webhook_endpoint.ping')
    assert.match(signature, /^v1,/)
    await panel.getByText('Answers of agents, webhook_endpoint.ping · with what was written').waitFor()
    await inspect(page, 'settings-own-system')
    await panel.getByRole('button', { name: /^Choose/ }).click()
    await dialog.getByLabel('Notices to admins').check()
    await dialog.getByLabel('Answers of agents').uncheck()
    await inspect(page, 'settings-own-system-choose')
    await button(dialog, 'Save').click()
    await panel.getByText('Notices to admins, such as of budgets, webhook_endpoint.ping', { exact: true }).waitFor()
    await panel.getByRole('button', { name: /^Delete/ }).click()
    await button(page.locator('dialog'), 'Delete').click()
    await panel.getByText('No system is told anything yet.').waitFor()
  })
  system.close()
}

async function secondFactor(house, test, page) {
  let recovery = ''
  await test('a second factor is set up; its recovery codes are shown once', async () => {
    const panel = page.locator('section', { has: heading(page, 'Second factor') })
    await panel.getByLabel('Current password').fill(OWNER.password)
    await button(panel, 'Set up').click()
    const secret = await panel.locator('.command code').textContent()
    await panel.getByLabel('Code', { exact: true }).fill(codeOf(secret))
    await inspect(page, 'second-factor')
    await button(panel, 'Turn on').click()
    await heading(page, 'Your recovery codes').waitFor()
    recovery = (await page.locator('dialog code').textContent()).split('\n')[0]
    await button(page, 'I have kept them').click()
    await button(panel, 'Turn off').waitFor()
  })
  await test('signing in asks for the code, and a recovery code will do', async () => {
    await button(page, 'Sign out').click()
    await fill(page, 'Mail address', OWNER.mail)
    await fill(page, 'Password', OWNER.password)
    await button(page, 'Sign in').click()
    await fill(page, 'Code', recovery)
    await inspect(page, 'sign-in-code')
    await button(page, 'Sign in').click()
    await heading(page, 'Inbox').waitFor()
  })
}

/** RFC 6238, as an authenticator app does. */
function codeOf(secret) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret.replace(/[\s=-]/g, '').toUpperCase()].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)))
  const hash = createHmac('sha1', key).update(counter).digest()
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7f_ff_ff_ff
  return String(number % 1_000_000).padStart(6, '0')
}
