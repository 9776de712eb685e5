// What agents may read and what they concluded: documents with their way to the gateway, the agent's search, facts with their
// sources, and finding conversations by what was said.
import assert from 'node:assert/strict'
import { button, fill, heading, inspect } from './browser.mjs'
import { TEAM } from './first-run.mjs'
import { until, wait } from './house.mjs'

const HANDBOOK = 'Travel\n\nHotels are paid up to 120 euros a night. Breakfast is paid by everyone themselves.\n'
const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name })
const file = (name, text, mimeType = 'text/markdown') => ({ name, mimeType, buffer: Buffer.from(text) })

export async function learned(stage, page) {
  await documents(stage, page)
  await facts(stage, page)
  await search(stage, page)
  await german(stage, page)
}

async function documents({ test }, page) {
  const choose = (files) => page.locator('input[type=file]').setInputFiles(files)
  await test('without documents the page says what to add, and refuses at once what is never read', async () => {
    await place(page, 'Knowledge').click()
    await heading(page, 'No document yet').waitFor()
    await inspect(page, 'knowledge-empty')
    await choose([file('holiday.mp4', 'no film', 'video/mp4'), file('nothing.txt', '')])
    await page.getByRole('alert').filter({ hasText: 'holiday.mp4: This kind of file is not read.' }).waitFor()
    await page.getByRole('alert').filter({ hasText: 'nothing.txt: It is empty.' }).waitFor()
    await heading(page, 'No document yet').waitFor()
  })
  await test('an upload survives a lost line and a reload, and arrives once', async () => {
    await page.route('**/api/v1/knowledge?name=**', (route) => route.abort())
    await choose(file('travel_handbook.md', HANDBOOK))
    const line = page.locator('.uploads li', { hasText: 'travel_handbook.md' })
    await line.getByRole('alert').waitFor()
    await inspect(page, 'knowledge-lost')
    await page.unroute('**/api/v1/knowledge?name=**')
    await page.reload()
    const document = page.locator('.documents li', { hasText: 'travel handbook' })
    await document.waitFor()
    await document.getByText('ready', { exact: true }).waitFor({ timeout: 30_000 })
    await page.reload()
    await document.waitFor()
    assert.equal(await page.locator('.documents li').count(), 1)
    assert.equal(await page.locator('.uploads').count(), 0)
  })
  await test('while it is sent there is a progress, and it can be stopped', async () => {
    let letGo
    const held = new Promise((resolve) => (letGo = resolve))
    await page.route('**/api/v1/knowledge?name=**', async (route) => {
      await held
      // The page gave it up meanwhile.
      await route.abort().catch(() => undefined)
    })
    await choose(file('slow.txt', 'x'.repeat(200_000), 'text/plain'))
    const line = page.locator('.uploads li', { hasText: 'slow.txt' })
    await line.getByRole('progressbar').waitFor()
    await inspect(page, 'knowledge-sending')
    await line.getByRole('button', { name: 'Don’t send slow.txt' }).click()
    await line.waitFor({ state: 'detached' })
    letGo()
    await page.unroute('**/api/v1/knowledge?name=**')
    await page.reload()
    await page.locator('.documents li').first().waitFor()
    assert.equal(await page.locator('.uploads').count(), 0)
  })
  await test('a document that can’t be read says why', async () => {
    await choose(file('broken.pdf', 'this is no pdf at all \u0000\u0001', 'application/pdf'))
    const line = page.locator('.documents li', { hasText: 'broken' })
    await line.getByText('not readable').waitFor({ timeout: 30_000 })
    await line.getByText(/It could not be read: .+\./).waitFor()
    await inspect(page, 'knowledge')
  })
  await test('the page finds what an agent would find, with what it would cite', async () => {
    await fill(page, 'Ask as somebody would ask an agent', 'How much may a hotel cost?')
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=How/)
    await page.locator('.passages cite', { hasText: 'travel handbook' }).waitFor()
    await page.locator('.passages', { hasText: '120 euros' }).waitFor()
    await inspect(page, 'knowledge-found')
    await button(page, 'End the search').click()
    await page.locator('.passages').waitFor({ state: 'detached' })
  })
  await test('a document is deleted after clear words', async () => {
    await page.locator('.documents li', { hasText: 'broken' }).getByRole('button', { name: 'Delete broken' }).click()
    await heading(page, 'Delete broken?').waitFor()
    await inspect(page, 'knowledge-delete')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.locator('.documents li', { hasText: 'broken' }).waitFor({ state: 'detached' })
  })
}

async function facts({ house, test }, page) {
  const line = page.locator('.memories li', { hasText: '14 March' })
  await test('what a quiet conversation settled stands there as a fact, with where it was said', async () => {
    await house.slack('say', { team: TEAM, channel: 'CFACTS', user: 'UADA', text: 'The summit is on 14 March.', mention: true })
    await place(page, 'Memory').click()
    await page.getByRole('link', { name: 'Facts', exact: true }).click()
    await page.waitForURL(/view=facts/)
    await until('the fact', async () => {
      if (await line.isVisible()) return true
      await page.reload()
      await wait(1_000)
      return undefined
    })
    await inspect(page, 'facts')
    await line.getByRole('button', { name: /^Where from/ }).click()
    await page.getByRole('dialog').getByRole('heading', { name: 'Drawn from' }).waitFor()
    await inspect(page, 'fact-origin')
    await page.getByRole('link', { name: 'The message it quotes' }).click()
    await page.locator('.message.pointed', { hasText: 'The summit is on 14 March.' }).waitFor()
    await page.goBack()
  })
  await test('a fact is put right, and the old one is history', async () => {
    await button(page, 'Close').click()
    await line.getByRole('button', { name: /^Correct/ }).click()
    await fill(page, 'As a sentence', 'The summit is on 15 March.')
    await page.getByRole('dialog').locator('input').fill('15 March')
    await inspect(page, 'fact-correct')
    await page.getByRole('dialog').getByRole('button', { name: 'Correct' }).click()
    await page.getByRole('status').filter({ hasText: 'Corrected.' }).waitFor()
    await page.locator('.memories li', { hasText: '15 March' }).getByText('corrected by hand').waitFor()
    await page.getByRole('link', { name: 'Former facts' }).click()
    await line.getByText(/held until/).waitFor()
    assert.equal(await line.getByRole('button', { name: /^Correct/ }).count(), 0)
    await inspect(page, 'facts-former')
    await page.getByRole('link', { name: 'Facts', exact: true }).click()
  })
  await test('facts are found by person and by place, and forgotten', async () => {
    const right = page.locator('.memories li', { hasText: '15 March' })
    await right.getByRole('link', { name: 'Ada' }).click()
    await page.waitForURL(/person=per_/)
    await page.getByText(/Only what Ada.* said/).waitFor()
    await right.waitFor()
    await page.getByRole('link', { name: 'Show all' }).first().click()
    await right.locator('a[href*="place="]').click()
    await page.waitForURL(/place=CFACTS/)
    await right.waitFor()
    assert.equal(await page.locator('.memories li').count(), 1)
    await right.getByRole('button', { name: /^Forget/ }).click()
    await page.getByRole('dialog').getByText('not drawn from the same messages again').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Forget' }).click()
    await page.getByRole('status').filter({ hasText: 'Forgotten:' }).waitFor()
    await heading(page, 'Nothing fits').waitFor()
  })
}

async function search({ house, test }, page) {
  await test('a conversation is found by what was said in it, however long ago, and the message is pointed at', async () => {
    await page.goto(`${house.address}/inbox`)
    await page.locator('.row').first().waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('summit')
    await page.waitForURL(/q=summit/)
    const row = page.locator('.row', { hasText: 'The summit is on 14 March.' })
    await row.waitFor()
    await until('one row', async () => ((await page.locator('.row').count()) === 1 ? true : undefined))
    await row.getByRole('link').click()
    await page.locator('.message.pointed', { hasText: 'summit' }).waitFor()
    await inspect(page, 'inbox-found')
    await page.reload()
    await page.locator('.message.pointed', { hasText: 'summit' }).waitFor()
    await page.getByLabel('Find in all conversations').fill('')
    await page.locator('.row').nth(1).waitFor()
    assert.ok(!page.url().includes('q='))
  })
}

async function german({ test }, page) {
  await test('knowledge and facts are there in German', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Language', { exact: true }).selectOption('de')
    await page.getByRole('link', { name: 'Wissen' }).click()
    await page.locator('.documents li').first().waitFor()
    await inspect(page, 'knowledge-de')
    await page.getByRole('link', { name: 'Gedächtnis' }).click()
    await page.getByRole('link', { name: 'Frühere Fakten' }).click()
    await page.locator('.memories li').first().waitFor()
    await inspect(page, 'facts-de')
    await page.getByRole('link', { name: 'Einstellungen' }).click()
    await page.getByLabel('Sprache', { exact: true }).selectOption('en')
    await until('English', async () => ((await page.locator('html').getAttribute('lang')) === 'en' ? true : undefined))
  })
}
