// When a human takes over: a rule is built, tried on what was said before, and hands a conversation over while one watches.
import assert from 'node:assert/strict'
import { button, fill, heading, inspect } from './browser.mjs'
import { TEAM } from './first-run.mjs'
import { until } from './house.mjs'

const ASKED = 'I want a refund, and I want it now.'

export async function rules(stage, page) {
  await build(stage, page)
  await write(stage, page)
  await handOver(stage, page)
  await german(stage, page)
}

const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name })

async function build({ test }, page) {
  await test('without rules the page says what they are for', async () => {
    await place(page, 'Rules').click()
    await heading(page, 'No rule of your own').waitFor()
    await inspect(page, 'rules-empty')
  })
  await test('a rule is built from a form, and tried on past conversations before it counts', async () => {
    await page.getByRole('main').getByRole('link', { name: 'New rule' }).first().click()
    await fill(page, 'Name', 'Launches')
    await page.getByLabel('Words of condition 1').fill('launch*')
    await page.getByText('keyword in (launch*)').waitFor()
    await button(page, 'Try on past conversations').click()
    const outcome = page.getByRole('status').filter({ hasText: 'A human would have got' })
    await outcome.getByRole('link', { name: /launches are always/ }).waitFor()
    await button(page, 'Add a condition').click()
    await page.getByText('keyword in (launch*) and failed_attempts > 2').waitFor()
    await outcome.waitFor({ state: 'detached' })
    await button(page, 'Try on past conversations').click()
    await page.getByText(/A human would have got 0 of \d+ conversations/).waitFor()
    await button(page, 'Remove condition 2').click()
    await button(page, 'Try on past conversations').click()
    await outcome.getByRole('link', { name: /launches are always/ }).waitFor()
    await inspect(page, 'rules-simulated')
  })
  await test('it is made, and the list shows it switched on', async () => {
    await page.getByLabel('Words of condition 1').fill('refund*, charge back')
    await fill(page, 'Name', 'Refunds')
    await page.getByRole('group', { name: 'Goes to' }).getByRole('checkbox').first().check()
    await button(page, 'Create rule').click()
    await page.getByRole('switch', { name: 'Refunds counts' }).waitFor()
    assert.equal(await page.getByRole('switch').isChecked(), true)
    await page.waitForURL(/rule=rul_/)
  })
}

async function write({ test }, page) {
  await test('what the language does not know is marked at its column', async () => {
    await button(page, 'Language').click()
    await page.getByLabel('Condition', { exact: true }).fill('refund* and sentiment < 3')
    await button(page, 'Save').click()
    const stumble = page.getByRole('alert').filter({ hasText: 'Column 23' })
    await stumble.locator('mark', { hasText: '<' }).waitFor()
    await inspect(page, 'rules-line')
    await page.getByLabel('Condition', { exact: true }).fill('refund* or (language = de and keyword)')
    await stumble.waitFor({ state: 'detached' })
    await button(page, 'Save').click()
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
    await button(page, 'Form').click()
    await page.getByText('parentheses that the form does not know').waitFor()
  })
  await test('a former version is taken into the form, and counts once it is saved', async () => {
    await page.getByText('Versions (2)').click()
    await button(page, 'Take into the form: version 1').click()
    assert.equal(await page.getByLabel('Words of condition 1').inputValue(), 'refund*, charge back')
    await button(page, 'Save').click()
    await page.getByText('Versions (3)').waitFor()
    await inspect(page, 'rules')
  })
  await test('a rule is switched off and on with one key', async () => {
    const toggle = page.getByRole('switch', { name: 'Refunds counts' })
    await toggle.focus()
    await page.keyboard.press('Space')
    await page.getByText('Versions (4)').waitFor()
    assert.equal(await toggle.isChecked(), false)
    await toggle.click()
    await page.getByText('Versions (5)').waitFor()
    await page.getByText('Somebody has changed this rule').waitFor({ state: 'detached' })
  })
}

async function handOver({ house, test }, page) {
  await test('nobody waits, and the page says what will', async () => {
    await place(page, 'Escalations').click()
    await heading(page, 'Nobody waits').waitFor()
    await inspect(page, 'escalations-empty')
  })
  await test('a rule hands a conversation over, and it appears by itself', async () => {
    await house.slack('say', { team: TEAM, channel: 'CGENERAL', user: 'UADA', text: ASKED, mention: true })
    const card = page.locator('.escalation')
    await card.getByText('By the rule').waitFor()
    await card.getByText(/waits < 1 min/).waitFor()
    await card.getByText(ASKED).first().waitFor()
    await card.locator('strong', { hasText: /^for / }).waitFor()
    await page.getByRole('link', { name: 'For me' }).click()
    await page.waitForURL(/meant=me/)
    await card.getByText(ASKED).first().waitFor()
    await page.getByRole('navigation', { name: 'For whom' }).getByRole('link', { name: 'All' }).click()
    await place(page, /Escalations.*1 wait for a human/).waitFor()
    await inspect(page, 'escalations')
  })
  await test('taking it silences the agent, and giving it back ends it', async () => {
    await page.locator('.escalation').getByRole('button', { name: 'Take over' }).click()
    await heading(page, 'Nobody waits').waitFor()
    await page.getByRole('link', { name: 'In good hands' }).click()
    await page.locator('.escalation').getByRole('link', { name: 'Open the conversation' }).click()
    await button(page, 'Give back').waitFor()
    await page.locator('.message.person .said', { hasText: ASKED }).waitFor()
    await page.getByText(/^Handed to a human: /).waitFor()
    await page.getByText('Related, and tags').click()
    await fill(page, 'New tag', 'Refunds')
    await button(page, 'Add').click()
    await page.locator('.tags li', { hasText: 'refunds' }).waitFor()
    await inspect(page, 'conversation-around')
    await page.goBack()
    await page.locator('.escalation').waitFor()
    await inspect(page, 'escalations-human')
    await button(page, 'Give back').click()
    await heading(page, 'No human has a conversation').waitFor()
    await page.getByRole('link', { name: 'Over' }).click()
    await page.locator('.escalation').getByText(/took/).waitFor()
  })
}

async function german({ test }, page) {
  await test('rules and escalations are there in German', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Language', { exact: true }).selectOption('de')
    await page.getByRole('link', { name: 'Regeln' }).click()
    await page.getByText('Ein Mensch übernimmt', { exact: true }).waitFor()
    await inspect(page, 'rules-de')
    await page.getByRole('link', { name: 'Eskalationen' }).click()
    await page.getByRole('link', { name: 'Vorbei' }).click()
    await page.locator('.escalation').waitFor()
    await inspect(page, 'escalations-de')
    await page.getByRole('link', { name: 'Einstellungen' }).click()
    await page.getByLabel('Sprache', { exact: true }).selectOption('en')
    await until('English', async () => ((await page.locator('html').getAttribute('lang')) === 'en' ? true : undefined))
  })
}
