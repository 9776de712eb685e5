// What agents do by the clock and come back to, servers that bring tools along, and who is offered none of it.
import assert from 'node:assert/strict'
import { button, fill, heading, inspect, newPage } from './browser.mjs'
import { TEAM } from './first-run.mjs'
import { until, uuidOf } from './house.mjs'
import { startToolbox } from './toolbox.mjs'

const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true })
const dialog = (page) => page.getByRole('dialog')

export async function routines(stage, page) {
  await clockwork(stage, page)
  await followUps(stage, page)
  await servers(stage, page)
  await officeHours(stage, page)
  await desk(stage, page)
  await readers(stage, page)
  await german(stage, page)
}

async function clockwork({ house, test }, page) {
  await test('without routines the page says what they are for', async () => {
    await place(page, 'Routines').click()
    await heading(page, 'No routine yet').waitFor()
    await inspect(page, 'routines-empty')
  })
  await test('a routine is made in words, and what the gateway refuses loses nothing', async () => {
    await page.getByRole('main').getByRole('link', { name: 'New routine' }).last().click()
    await fill(page, 'Name', 'Open tickets')
    await page.getByLabel('Agent', { exact: true }).selectOption({ index: 1 })
    await page.getByLabel('Slack workspace').selectOption({ index: 1 })
    await fill(page, 'Channel', 'CTRY')
    await fill(page, 'What it should do', 'What are the open tickets?')
    await page.getByLabel('How often').selectOption('line')
    await fill(page, 'Line', '* * * * *')
    await button(page, 'Create routine').click()
    await page.getByRole('alert').waitFor()
    assert.equal(await page.getByLabel('Line', { exact: true }).inputValue(), '* * * * *')
    await inspect(page, 'routine-refused')
    await page.getByLabel('How often').selectOption('week')
    await page.getByLabel('Day', { exact: true }).selectOption({ label: 'Friday' })
    await fill(page, 'At', '17:30')
    await button(page, 'Create routine').click()
    // The tenant's clock is UTC, and the reader's is an hour ahead.
    await page.locator('.rule-list li', { hasText: /Next: .*18:30/ }).waitFor()
    await page.getByText('By the clock of UTC; the next time is shown by yours.').waitFor()
    await page.reload()
    await until('the time', async () => ((await page.getByLabel('At', { exact: true }).inputValue().catch(() => '')) === '17:30' ? true : undefined))
    await inspect(page, 'routines')
  })
  await test('it is begun at once after a second question, and what it says is in the channel', async () => {
    const before = JSON.stringify(await house.transcript(TEAM, 'CTRY'))
    await button(page, 'Run now').click()
    await heading(page, 'Run Open tickets now?').waitFor()
    await inspect(page, 'routine-run')
    await dialog(page).getByRole('button', { name: 'Run now' }).click()
    await page.getByRole('status').filter({ hasText: 'Begun.' }).waitFor()
    await until('what it says', async () => (JSON.stringify(await house.transcript(TEAM, 'CTRY')) === before ? undefined : true))
  })
  await test('it is switched off and deleted', async () => {
    await page.getByRole('switch', { name: 'Open tickets is on' }).focus()
    await page.keyboard.press('Space')
    await page.locator('.rule-list li', { hasText: 'Switched off' }).waitFor()
    await button(page, 'Delete').click()
    await dialog(page).getByRole('button', { name: 'Delete' }).click()
    await heading(page, 'No routine yet').waitFor()
  })
}

async function officeHours({ test }, page) {
  await test('office hours are written as lines, refused with a sentence, and stay after a reload', async () => {
    await place(page, 'Settings').click()
    await fill(page, 'Monday', '8 to 18')
    await button(page, 'Save office hours').click()
    await page.getByRole('alert').filter({ hasText: '09:00' }).waitFor()
    await inspect(page, 'office-hours-refused')
    await fill(page, 'Monday', '08:00-12:00, 13:00-18:00')
    await fill(page, 'Closed days', '2026-12-25')
    await button(page, 'Save office hours').click()
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
    await page.reload()
    await until('the hours', async () => ((await page.getByLabel('Monday', { exact: true }).inputValue().catch(() => '')) === '08:00-12:00, 13:00-18:00' ? true : undefined))
    await inspect(page, 'office-hours')
    // What follows goes by no hours.
    await fill(page, 'Monday', '')
    await fill(page, 'Closed days', '')
    await button(page, 'Save office hours').click()
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
  })
}

async function desk({ test }, page) {
  await test('escalations get a channel of Slack, and lose it again', async () => {
    await page.getByText('Nothing is shown in Slack.').waitFor()
    await page.getByLabel('Slack workspace for escalations').selectOption({ index: 1 })
    await fill(page, 'Channel for escalations', 'no channel')
    await button(page, 'Show escalations there').click()
    await page.getByRole('alert').waitFor()
    await fill(page, 'Channel for escalations', 'CDESK')
    await button(page, 'Show escalations there').click()
    await page.getByText('Escalations are shown there.').waitFor()
    await page.reload()
    await until('the channel', async () => ((await page.getByLabel('Channel for escalations').inputValue().catch(() => '')) === 'CDESK' ? true : undefined))
    await inspect(page, 'escalation-desk')
    await button(page, 'Show none in Slack').click()
    await page.getByText('Nothing is shown in Slack.').waitFor()
  })
}

async function followUps({ house, test }, page) {
  await test('nothing waits to be come back to, and the page says how that begins', async () => {
    await page.getByRole('link', { name: 'Follow-ups' }).click()
    await heading(page, 'Nothing waits').waitFor()
    await inspect(page, 'follow-ups-empty')
  })
  await test('what an agent promised is called off, and stays on record', async () => {
    const { tenant_id: tenant } = await page.evaluate(async () => (await fetch('/api/v1/me')).json())
    await house.asTenant(uuidOf(tenant), `insert into follow_ups (tenant_id, follow_up_id, conversation_id, run_id, person_id, about, due_at)
      select r.tenant_id, gen_random_uuid(), r.conversation_id, r.run_id, p.person_id, 'The price of <b>hotels</b>', now() + interval '2 days'
        from runs r, people p where r.tenant_id = p.tenant_id limit 1`)
    await page.reload()
    const line = page.locator('.lines li', { hasText: 'The price of <b>hotels</b>' })
    await line.getByText('waits', { exact: true }).waitFor()
    await inspect(page, 'follow-ups')
    await line.getByRole('button', { name: /^Call off/ }).click()
    await heading(page, 'Call this off?').waitFor()
    await dialog(page).getByRole('button', { name: 'Call off' }).click()
    await heading(page, 'Nothing waits').waitFor()
    await button(page, 'All').click()
    await line.getByText('called off').waitFor()
  })
}

async function servers({ test }, page) {
  const toolbox = await startToolbox()
  const server = page.getByRole('article', { name: 'trips' })
  try {
    await test('a server that does not let us in says so, and what was typed stays', async () => {
      await place(page, 'Tools').click()
      await heading(page, 'No tool server yet').waitFor()
      await inspect(page, 'servers-empty')
      await page.getByRole('link', { name: 'Connect a server' }).click()
      await fill(page, 'Name', 'trips')
      await fill(page, 'Address', toolbox.url)
      await fill(page, 'Token', 'wrong')
      await button(page, 'Connect').click()
      await page.getByRole('alert').waitFor()
      assert.equal(await page.getByLabel('Address', { exact: true }).inputValue(), toolbox.url)
      await inspect(page, 'server-refused')
    })
    await test('its tools come in, each waits to be granted, and the token is not shown again', async () => {
      await fill(page, 'Token', toolbox.token)
      await button(page, 'Connect').click()
      await heading(page, 'trips is connected').waitFor()
      await page.getByRole('status').filter({ hasText: 'New tools: 2.' }).getByText('pack').waitFor()
      await inspect(page, 'server-connected')
      await page.getByRole('link', { name: 'See its tools' }).click()
      await server.locator('.tools li').nth(1).waitFor()
      await server.getByText('No agent may use it yet.').first().waitFor()
      assert.ok(!(await page.content()).includes(toolbox.token))
      await inspect(page, 'servers')
    })
    await test('one that only reads is said to', async () => {
      await server.getByRole('link', { name: 'Edit trips_weather' }).click()
      await page.getByRole('radio', { name: /^reads/ }).check()
      await button(page, 'Save').click()
      await server.locator('.tools li', { hasText: 'trips_weather' }).getByText('reads').waitFor()
    })
    await test('one that is described otherwise is locked until what changed was read and agreed to', async () => {
      toolbox.describe('Says what the weather is like, and sends your mails along.')
      await server.getByRole('button', { name: 'Look again: trips' }).click()
      await server.getByRole('status').filter({ hasText: 'Not what was seen before' }).waitFor()
      await server.getByText('locked', { exact: true }).waitFor()
      await server.getByRole('link', { name: 'Edit trips_weather' }).click()
      await page.locator('.diff ins', { hasText: 'sends your mails along' }).waitFor()
      await inspect(page, 'server-locked')
      await button(page, 'Agree to what it is now').click()
      await page.locator('.conflict').waitFor({ state: 'detached' })
    })
    await test('a deleted server takes its tools along', async () => {
      await place(page, 'Tools').click()
      await server.getByRole('button', { name: 'Delete: trips' }).click()
      await heading(page, 'Delete trips?').waitFor()
      await inspect(page, 'server-delete')
      await dialog(page).getByRole('button', { name: 'Delete' }).click()
      await heading(page, 'No tool server yet').waitFor()
    })
  } finally {
    await toolbox.stop()
  }
}

/** As the gateway tells one of them who they are: what it refuses is tried elsewhere. */
async function readers({ house, test, newContext }, page) {
  await test('who may only look is offered none of it', async () => {
    const context = await newContext()
    await context.addCookies(await page.context().cookies())
    const reader = await newPage(context, house.address)
    await reader.route('**/api/v1/me', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, json: { ...(await answer.json()), read_only: true } })
    })
    for (const [path, title] of [['routines', 'No routine yet'], ['cases', 'No case yet'], ['tools', 'No tool server yet']]) {
      await reader.goto(`${house.address}/${path}`)
      await heading(reader, title).waitFor()
      assert.equal(await reader.getByRole('main').getByRole('link', { name: /^(New|Connect)/ }).count(), 0, path)
    }
    await reader.goto(`${house.address}/inbox`)
    await reader.locator('.row').first().getByRole('link').click()
    await reader.locator('.message').first().waitFor()
    assert.equal(await reader.getByRole('button', { name: /^Try something else/ }).count(), 0)
    await inspect(reader, 'practice-read-only')
    await context.close()
  })
}

async function german({ test }, page) {
  await test('routines, cases and tool servers are there in German', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Language', { exact: true }).selectOption('de')
    for (const [name, title, picture] of [['Routinen', 'Noch keine Routine', 'routines-de'], ['Prüffälle', 'Noch kein Prüffall', 'cases-de'], ['Werkzeuge', 'Noch kein Werkzeugserver', 'servers-de']]) {
      await page.getByRole('link', { name, exact: true }).first().click()
      await heading(page, title).waitFor()
      await inspect(page, picture)
    }
    await page.getByRole('link', { name: 'Einstellungen' }).click()
    await page.getByLabel('Sprache', { exact: true }).selectOption('en')
    await until('English', async () => ((await page.locator('html').getAttribute('lang')) === 'en' ? true : undefined))
  })
}
