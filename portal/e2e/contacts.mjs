// Somebody who talks to the agent is found, marked, and forgotten with a certificate.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { button, fill, heading, inspect } from './browser.mjs'
import { TEAM } from './first-run.mjs'

const NAME = 'Grace Hopper'
const WORDS = 'My badge has the number 4711.'
/** The worker waits until nothing is being answered any more. */
const ERASED_MS = 60_000
const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true })
const line = (page) => page.locator('.contacts li', { hasText: NAME })

export async function contacts(stage, page) {
  await marked(stage, page)
  await forgotten(stage, page)
  await kept(stage, page)
}

async function marked({ house, test }, page) {
  await test('somebody is found by a part of their name, and marked as VIP', async () => {
    await place(page, 'Inbox').click()
    const before = await page.locator('.row').first().getAttribute('id')
    await house.slack('say', { team: TEAM, channel: 'CBADGES', user: 'UGRACE', text: WORDS, mention: true })
    await page.locator(`.row:first-child:not(#${before})`).waitFor()
    await page.locator('.row').first().getByRole('link').click()
    await page.locator('.message.person .said', { hasText: WORDS }).waitFor()
    await page.locator('.message.agent').first().waitFor()
    await place(page, 'Contacts').click()
    await line(page).waitFor()
    await page.locator('.contacts li', { hasText: 'Ada Lovelace' }).waitFor()
    await inspect(page, 'contacts')
    await fill(page, 'Name, number or id', 'hopp')
    await page.keyboard.press('Enter')
    await page.waitForURL(/q=hopp/)
    await page.locator('.contacts li', { hasText: 'Ada Lovelace' }).waitFor({ state: 'detached' })
    await line(page).getByRole('checkbox').check()
    await page.getByRole('status').filter({ hasText: `${NAME} is a VIP now` }).waitFor()
    await button(page, 'Undo').click()
    await page.getByRole('status').filter({ hasText: 'is a VIP now' }).waitFor({ state: 'detached' })
    assert.equal(await line(page).getByRole('checkbox').isChecked(), false)
    await line(page).getByRole('checkbox').check()
    await page.getByRole('status').filter({ hasText: `${NAME} is a VIP now` }).waitFor()
    await page.reload()
    assert.equal(await line(page).getByRole('checkbox').isChecked(), true)
  })
}

async function forgotten({ test }, page) {
  const dialog = page.getByRole('dialog')
  await test('what is kept of them can be seen and downloaded', async () => {
    await line(page).getByRole('button', { name: /^Details/ }).click()
    await dialog.getByText('Messages and answers').waitFor()
    await inspect(page, 'contact')
    const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Download what is there').click()])
    const all = JSON.parse(await readFile(await download.path(), 'utf8'))
    assert.equal(all.rows.people[0].display_name, NAME)
    assert.ok(all.rows.messages.some(({ body }) => body === WORDS))
  })
  await test('they are erased once their name is typed, and the certificate is kept', async () => {
    await button(page, 'Erase this person').click()
    await heading(page, `Erase ${NAME}?`).waitFor()
    assert.equal(await button(page, 'Erase for good').isDisabled(), true)
    await inspect(page, 'contact-forget')
    await fill(page, `Type “${NAME}” to confirm`, NAME)
    await button(page, 'Erase for good').click()
    await dialog.getByRole('status').filter({ hasText: 'rased' }).waitFor()
    await button(page, 'Download the certificate').waitFor({ timeout: ERASED_MS })
    await inspect(page, 'contact-erased')
    const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Download the certificate').click()])
    const { certificate } = JSON.parse(await readFile(await download.path(), 'utf8'))
    assert.ok(certificate.counts.messages >= 2, JSON.stringify(certificate))
    assert.equal(download.suggestedFilename(), `${certificate.erasure_id}.json`)
    await button(page, 'Close').click()
    await heading(page, 'Nobody fits').waitFor()
    await inspect(page, 'contacts-nobody')
  })
}

async function kept({ test }, page) {
  await test('who was erased stands there with who asked for it', async () => {
    await page.getByRole('link', { name: 'Erased', exact: true }).click()
    await page.locator('.erasures li', { hasText: 'asked for by' }).getByText('done').waitFor()
    await page.locator('.erasures summary').click()
    await inspect(page, 'contacts-erased')
  })
  await test('keeping less is asked for twice', async () => {
    await page.getByRole('link', { name: 'How long things are kept' }).click()
    await fill(page, 'Events as they came in', '60')
    await inspect(page, 'retention')
    await button(page, 'Save').click()
    await heading(page, 'Keep less?').waitFor()
    await inspect(page, 'retention-sure')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
    await page.reload()
    await heading(page, 'How long things are kept').waitFor()
    assert.equal(await page.getByLabel('Events as they came in').inputValue(), '60')
  })
  await test('contacts are there in German', async () => {
    await place(page, 'Settings').click()
    await page.getByLabel('Language', { exact: true }).selectOption('de')
    await page.getByRole('link', { name: 'Kontakte' }).click()
    await page.locator('.contacts li').first().waitFor()
    await inspect(page, 'contacts-de')
    await page.getByRole('link', { name: 'Wie lange was bleibt' }).click()
    await page.getByLabel('Erledigte Aufträge').waitFor()
    await inspect(page, 'retention-de')
    await page.getByRole('link', { name: 'Einstellungen' }).click()
    await page.getByLabel('Sprache', { exact: true }).selectOption('en')
  })
}
