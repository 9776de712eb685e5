// What happened, as a tenant sees it, and how the installation is, as who looks after it sees it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { heading, inspect } from './browser.mjs'
import { until, uuidOf } from './house.mjs'

const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true })
const choice = (page, group, name) => page.getByRole('group', { name: group }).getByRole('button', { name, exact: true })

export async function analytics({ house, test }, page) {
  await test('what happened is counted, and told by day, agent and channel', async () => {
    const me = await page.evaluate(async () => (await fetch('/api/v1/me')).json())
    // An hour passes.
    await house.asTenant(uuidOf(me.tenant_id), "update analytics_progress set looked_at = now() - interval '61 minutes'")
    await place(page, 'Analytics').click()
    await heading(page, 'Analytics').waitFor()
    await until('counted conversations', async () => {
      await page.reload()
      await page.locator('.tiles, .state').first().waitFor()
      return (await page.locator('.tiles').count()) > 0 || undefined
    })
    await heading(page, 'What conversations went through').waitFor()
    assert.match(await page.locator('.tiles').textContent(), /answered by an agent/)
    await choice(page, 'What is shown', 'Messages').click()
    await page.waitForURL(/figure=messages/)
    await page.getByText('As a table').click()
    await inspect(page, 'analytics')
    await page.evaluate(() => document.querySelector('.journey')?.scrollIntoView())
    await page.screenshot({ path: new URL('../../target/screenshots/analytics-below.png', import.meta.url).pathname })
  })
  await test('the same comes as a table for spreadsheets', async () => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download as CSV' }).click()])
    assert.match(download.suggestedFilename(), /^analytics-[\d-]+\.csv$/)
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n')
    assert.ok(lines.length >= 2 && lines[0].startsWith('day,agent_id,agent,channel,'), lines[0])
  })
  await test('a filter stands in the address, and where nothing happened the page says so', async () => {
    await page.getByLabel('Channel', { exact: true }).selectOption('whatsapp')
    await page.waitForURL(/channel=whatsapp/)
    await page.locator('.state, .tiles').first().waitFor()
    await page.goto(page.url().replace(/channel=whatsapp/, 'agent=agt_01k9z3w6h8f2m5x7q4r1t0v9sb'))
    await heading(page, 'Nothing happened in this time').waitFor()
    await inspect(page, 'analytics-empty')
  })
}

export async function system({ test }, page) {
  await test('who looks after the platform sees its processes, what waits, and how providers answer', async () => {
    await place(page, 'System status').click()
    await heading(page, 'System status').waitFor()
    await until('a heartbeat that tells of Slack', async () => {
      await page.reload()
      await heading(page, 'Providers').waitFor()
      const row = await page.getByRole('row', { name: /^Slack/ }).textContent()
      return row.includes('not called') ? undefined : row
    })
    assert.equal(await page.getByRole('alert').count(), 0, 'one of each role is alive')
    await inspect(page, 'system')
    await choice(page, 'Time', '30 days').click()
    await page.waitForURL(/hours=720/)
    await choice(page, 'What is shown', 'Failed calls of providers').click()
    await page.waitForURL(/graph=failures/)
    await page.getByText('As a table').click()
    await page.evaluate(() => document.querySelector('.bars')?.scrollIntoView())
    await inspect(page, 'system-month')
  })
}
