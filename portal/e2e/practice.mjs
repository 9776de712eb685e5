// What is tried and sent to nobody: answers asked for again, side conversations, and cases.
import assert from 'node:assert/strict'
import { button, fill, heading, inspect } from './browser.mjs'
import { TEAM } from './first-run.mjs'
import { until, wait } from './house.mjs'

const QUESTION = 'What may a hotel cost?'
const ELSEWHERE = 'And a night train to &lt;b&gt;Vienna&lt;/b&gt;?'
const ELSEWHERE_AS_TEXT = 'And a night train to <b>Vienna</b>?'
const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true })
const dialog = (page) => page.getByRole('dialog')

export async function practice(stage, page) {
  await replays(stage, page)
  await forks(stage, page)
  await cases(stage, page)
}

async function replays({ house, test }, page) {
  const panel = page.getByRole('complementary', { name: 'Why the agent answered so' })
  const form = panel.locator('.replays[open]')
  await test('an answer’s trace says that it was not asked again yet', async () => {
    await page.goto(`${house.address}/inbox`)
    await page.locator('.row').first().waitFor()
    const before = await page.locator('.row').first().getAttribute('id')
    await house.slack('say', { team: TEAM, channel: 'CTRY', user: 'UADA', text: QUESTION, mention: true })
    await page.locator(`.row:first-child:not(#${before})`).waitFor()
    await page.locator('.row').first().getByRole('link').click()
    await page.locator('.message.agent').last().getByRole('button', { name: 'Why this answer?' }).click()
    await panel.getByText('What else it would have said').first().click()
    await form.getByText('It was not asked again yet.', { exact: false }).waitFor()
    await inspect(page, 'replays-empty')
  })
  await test('what can’t be asked says so, and what was typed stays', async () => {
    await form.getByLabel('Model', { exact: true }).fill('simulated-2')
    await form.getByLabel('Instructions').fill('Answer in one word.')
    await form.getByLabel('With what it remembers').uncheck()
    await page.route('**/replay', (route) => route.fulfill({ status: 503, body: 'no' }))
    await form.getByRole('button', { name: 'Ask again' }).click()
    await form.getByRole('alert').waitFor()
    assert.equal(await form.getByLabel('Model', { exact: true }).inputValue(), 'simulated-2')
    await page.unroute('**/replay')
  })
  await test('with another model, other instructions and no memory its answer stands beside what was said', async () => {
    await form.getByRole('button', { name: 'Ask again' }).click()
    const replay = panel.locator('.replay-list > li').first()
    await replay.getByText('tokens in', { exact: false }).waitFor({ timeout: 30_000 })
    for (const told of ['simulated-2', 'other instructions', 'without memory', 'What it said', 'What it would say']) await replay.getByText(told, { exact: false }).first().waitFor()
    await replay.getByText('How it differs').click()
    await replay.locator('.diff ins', { hasText: 'Answer in one word.' }).waitFor()
    await inspect(page, 'replays')
    await page.reload()
    await page.getByText('What else it would have said').first().click()
    await replay.waitFor()
  })
}

async function forks({ house, test }, page) {
  const side = page.locator('.side-talk')
  const before = async () => JSON.stringify(await house.transcript(TEAM, 'CTRY'))
  await test('a side conversation begins at a message, by keyboard', async () => {
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: /^Try something else from here: Ada/ }).first().focus()
    await page.keyboard.press('Enter')
    await heading(page, 'Try something else from here').waitFor()
    await dialog(page).getByText('Nothing here is sent to the channel', { exact: false }).waitFor()
    await dialog(page).getByLabel('Model', { exact: true }).fill('simulated-2')
    await inspect(page, 'fork-begin')
    await button(page, 'Begin').click()
    await page.waitForURL(/fork=frk_/)
    await page.locator('.fork-note', { hasText: 'Nothing here is sent to the channel' }).waitFor()
    await side.locator('.message.agent .said').first().waitFor({ timeout: 30_000 })
    await page.getByText('What was really said next').waitFor()
  })
  await test('one goes on talking in it, and the channel hears nothing', async () => {
    const heard = await before()
    await page.getByLabel(/^Say something here/).fill(ELSEWHERE_AS_TEXT)
    await page.keyboard.press('Control+Enter')
    await side.locator('.said', { hasText: ELSEWHERE_AS_TEXT }).waitFor()
    await until('the second answer', async () => ((await side.locator('.message.agent .said').count()) === 2 ? true : undefined), 30_000)
    assert.equal(await page.getByLabel(/^Say something here/).inputValue(), '')
    await inspect(page, 'fork')
    await wait(1_000)
    assert.equal(await before(), heard, 'nothing was sent')
  })
  await test('it is found again above its conversation, and deleted after a second question', async () => {
    await button(page, 'Back to the conversation').click()
    const list = page.getByRole('navigation', { name: 'Side conversations' })
    await list.getByRole('link', { name: /simulated-2/ }).waitFor()
    await inspect(page, 'fork-list')
    await list.getByRole('link', { name: /simulated-2/ }).click()
    await page.locator('.fork').getByRole('button', { name: 'Delete' }).click()
    await heading(page, 'Delete this side conversation?').waitFor()
    await inspect(page, 'fork-delete')
    await dialog(page).getByRole('button', { name: 'Delete' }).click()
    await list.waitFor({ state: 'detached' })
    await page.locator('.messages .said', { hasText: QUESTION }).waitFor()
  })
}

async function cases({ test }, page) {
  await test('without cases the page says where to begin', async () => {
    await place(page, 'Cases').click()
    await heading(page, 'No case yet').waitFor()
    await inspect(page, 'cases-empty')
  })
  await test('cases are written down, and one blocks', async () => {
    await page.getByRole('main').getByRole('link', { name: 'New case' }).last().click()
    await fill(page, 'Name', 'Price of a hotel')
    await fill(page, 'Question', QUESTION)
    assert.ok(await button(page, 'Create case').isDisabled(), 'nothing could fail')
    await fill(page, 'It must say', 'purple elephants')
    await page.getByLabel(/^Blocks:/).check()
    await button(page, 'Create case').click()
    await page.locator('.rule-list li', { hasText: 'Price of a hotel' }).getByText('blocks').waitFor()
    await page.getByRole('link', { name: 'New case' }).click()
    await fill(page, 'Name', 'A handover')
    await fill(page, 'Question', 'I want to talk to a human.')
    await button(page, 'A handover').click()
    await button(page, 'Create case').click()
    await page.locator('.rule-list li').nth(1).waitFor()
    await inspect(page, 'cases')
  })
  await test('all of them are tried, and what is lacking is said', async () => {
    await button(page, 'Try all of them').click()
    await page.getByRole('status').filter({ hasText: '1 of 2 passed, 1 failed.' }).waitFor({ timeout: 60_000 })
    await page.locator('.complaints', { hasText: 'purple elephants' }).waitFor()
    await page.locator('.trial-results li', { hasText: 'A handover' }).getByText('passed', { exact: true }).waitFor()
    await page.getByText('What it answered').first().click()
    await inspect(page, 'trial')
  })
  await test('a draft is tried, and the agent stays as it is', async () => {
    const before = new URL(page.url()).searchParams.get('trial')
    await page.getByText('With another model or other instructions').click()
    await page.locator('.trial').getByLabel('Instructions').fill('Always speak of purple elephants.')
    await button(page, 'Try all of them').click()
    await page.waitForURL((url) => url.searchParams.get('trial') !== before)
    await page.getByRole('status').filter({ hasText: /of 2 passed, \d failed\.$/ }).waitFor({ timeout: 60_000 })
  })
  await blocking(test, page)
}

async function blocking(test, page) {
  await test('a case that blocks keeps a change from being saved, and is tried right there', async () => {
    await place(page, 'Agents').click()
    await heading(page, 'Agents').waitFor()
    const before = await page.getByLabel('Instructions', { exact: true }).inputValue()
    await fill(page, 'Instructions', `${before} Never be rude.`)
    await button(page, 'Save').click()
    const note = page.getByRole('region', { name: 'Try the cases' })
    await note.getByText('Nothing you wrote is lost.', { exact: false }).waitFor()
    await note.getByRole('button', { name: 'Try the cases with this' }).click()
    await note.locator('.complaints').waitFor({ timeout: 60_000 })
    assert.match(await page.getByLabel('Instructions', { exact: true }).inputValue(), /Never be rude/)
    await inspect(page, 'case-blocks')
    await place(page, 'Cases').click()
    for (const name of ['A handover', 'Price of a hotel']) {
      await page.locator('.rule-list').getByRole('link', { name: new RegExp(`^${name}`) }).click()
      await button(page, 'Delete').click()
      await heading(page, `Delete ${name}?`).waitFor()
      await dialog(page).getByRole('button', { name: 'Delete' }).click()
      await heading(page, `Delete ${name}?`).waitFor({ state: 'detached' })
    }
    await heading(page, 'No case yet').waitFor()
  })
}
