// What lets an owner trust the agent: why it answered, what it remembers, and what was done.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { button, heading, inspect } from './browser.mjs'
import { TEAM } from './first-run.mjs'

const FACT = 'Our launches are always on a Tuesday.'
const QUESTION = 'On which day are our launches?'

export async function trust(stage, page) {
  await why(stage, page)
  await memory(stage, page)
  await log(stage, page)
}

/** Says it in a thread of its own, opens that conversation, and waits for the answer. */
async function asked(house, page, text) {
  const before = await page.locator('.row').first().getAttribute('id')
  await house.slack('say', { team: TEAM, channel: 'CGENERAL', user: 'UADA', text, mention: true })
  await page.locator(`.row:first-child:not(#${before})`).waitFor()
  await page.locator('.row').first().getByRole('link').click()
  await page.locator('.message.person .said', { hasText: text }).waitFor()
  await page.locator('.message.agent').first().waitFor()
}

async function why({ house, test }, page) {
  await test('an answer tells what it was reminded of, by which model, and how long it took', async () => {
    await page.getByRole('link', { name: 'Inbox' }).click()
    await asked(house, page, FACT)
    await asked(house, page, QUESTION)
    await page.keyboard.press('w')
    const panel = page.getByRole('complementary', { name: 'Why the agent answered so' })
    await panel.getByRole('heading', { name: 'What it was reminded of' }).first().waitFor()
    await panel.getByRole('link', { name: FACT }).first().waitFor()
    await panel.getByText('simulated-1').first().waitFor()
    await panel.getByText('From arrival to the end').first().waitFor()
    await inspect(page, 'why')
    await page.keyboard.press('Escape')
    await panel.waitFor({ state: 'detached' })
    await page.locator('.message.agent').last().getByRole('button', { name: 'Why this answer?' }).click()
    await page.waitForURL(/why=run_/)
    await panel.getByRole('link', { name: FACT }).first().waitFor()
  })
  await test('from the panel one comes to where a memory was said', async () => {
    const panel = page.getByRole('complementary', { name: 'Why the agent answered so' })
    await panel.getByRole('link', { name: FACT }).first().click()
    await heading(page, 'Where this comes from').waitFor()
    await page.getByRole('dialog').getByText('Answers it served').waitFor()
    await page.getByRole('dialog').locator('.lines li').first().waitFor()
    await inspect(page, 'memory-origin')
    await button(page, 'Close').click()
    await heading(page, 'Where this comes from').waitFor({ state: 'detached' })
  })
}

async function memory({ house, test }, page) {
  await test('memories are found by words, and what does not fit says so', async () => {
    await page.getByLabel('Words').fill('launch')
    await button(page, 'Search').click()
    await page.waitForURL(/q=launch/)
    await page.locator('.memories li', { hasText: FACT }).waitFor()
    await inspect(page, 'memory')
    await page.getByLabel('Words').fill('submarine')
    await page.keyboard.press('Enter')
    await heading(page, 'Nothing fits').waitFor()
    await inspect(page, 'memory-empty')
    await page.getByRole('link', { name: 'Show all' }).first().click()
    await page.locator('.memories li').nth(1).waitFor()
  })
  await test('a memory is forgotten after a second question, and no answer is reminded of it', async () => {
    const line = page.locator('.memories li', { hasText: FACT })
    await line.getByRole('button', { name: /^Forget/ }).click()
    await heading(page, 'Forget this?').waitFor()
    await inspect(page, 'memory-forget')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await line.getByRole('button', { name: /^Forget/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Forget' }).click()
    await page.getByRole('status').filter({ hasText: `Forgotten: ${FACT.length} characters` }).waitFor()
    await line.waitFor({ state: 'detached' })
    await page.goto(`${house.address}/inbox`)
    await page.locator('.row').first().getByRole('link').click()
    await page.keyboard.press('w')
    await page.getByText('Forgotten since').first().waitFor()
  })
}

async function log({ test }, page) {
  await test('the audit log shows who forgot it, and is whole', async () => {
    await page.getByRole('link', { name: 'Audit log' }).click()
    await page.locator('.events li', { hasText: 'memory.forget' }).waitFor()
    await page.getByLabel('What', { exact: true }).selectOption('memory')
    await page.waitForURL(/action=memory/)
    await page.locator('.events li', { hasText: 'agent.shape' }).first().waitFor({ state: 'detached' })
    await page.locator('.events li', { hasText: 'memory.forget' }).waitFor()
    assert.equal(await page.locator('.events li').count(), 1)
    await page.locator('.events summary').click()
    await button(page, 'Verify').click()
    await page.getByRole('status').filter({ hasText: 'The log is whole' }).waitFor()
    await inspect(page, 'audit')
    const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Download').click()])
    const rows = JSON.parse(await readFile(await download.path(), 'utf8'))
    assert.deepEqual(rows.map(({ action }) => action), ['memory.forget'])
    await page.getByLabel('What', { exact: true }).selectOption('audit')
    await page.locator('.events li', { hasText: 'audit.verify' }).waitFor()
  })
  await test('a log that does not fit together is told with its row', async () => {
    const fault = { n: 7, kind: 'changed', detail: 'Row 7 was changed.' }
    await page.route('**/audit/verify', (route) => route.fulfill({ json: { whole: false, events: 6, head: '00', fault } }))
    await button(page, 'Verify').click()
    await page.getByRole('status').filter({ hasText: 'Row 7 was changed' }).waitFor()
    await inspect(page, 'audit-broken')
    await page.unroute('**/audit/verify')
  })
  await test('all of it is there in German', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Language', { exact: true }).selectOption('de')
    await page.getByRole('link', { name: 'Protokoll' }).click()
    await page.locator('.events li').first().waitFor()
    await inspect(page, 'audit-de')
    await page.getByRole('link', { name: 'Gedächtnis' }).click()
    await page.locator('.memories li').first().waitFor()
    await inspect(page, 'memory-de')
    await page.getByRole('link', { name: 'Posteingang' }).click()
    await page.locator('.row').first().getByRole('link').click()
    await page.keyboard.press('w')
    await heading(page, 'Woran der Agent erinnert wurde').first().waitFor()
    await inspect(page, 'why-de')
    await page.getByRole('link', { name: 'Einstellungen' }).click()
    await page.getByLabel('Sprache', { exact: true }).selectOption('en')
  })
}
