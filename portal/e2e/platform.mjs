// What happens around a tenant: a second one of the same person, a workspace that throws us out, and who looks after all.
import { button, fill, heading, inspect } from './browser.mjs'
import { OWNER, TEAM } from './first-run.mjs'

export async function secondTenant({ house, test }, page, { mail, password }) {
  await test('somebody of two tenants joins the second with their password, and switches', async () => {
    const told = await house.run(['tenant', 'create', '--name', 'Second & Sons', '--admin', mail])
    await page.goto(told.match(/http\S+\/accept#token=[\w-]+/)[0])
    await heading(page, 'Join Second & Sons').waitFor()
    await fill(page, 'Password', password)
    await button(page, 'Join').click()
    await heading(page, 'No conversations yet').waitFor()
    await inspect(page, 'inbox-empty')
    await page.getByLabel('Organization').selectOption({ label: 'Acme' })
    await page.locator('.row').first().waitFor()
    await page.getByRole('link', { name: 'Connections' }).click()
    await page.locator('.connection').first().waitFor()
    await page.getByLabel('Organization').selectOption({ label: 'Second & Sons' })
    await heading(page, 'No conversations yet').waitFor()
  })
}

export async function platform({ house, test }, page) {
  await test('a workspace that throws us out is told, with the reason, until it was seen', async () => {
    await house.slack('uninstall', { team: TEAM })
    await page.getByRole('link', { name: /Connections/ }).click()
    await page.locator('.connection').getByText('does not work').waitFor()
    await page.reload()
    await page.getByLabel('Notices').waitFor()
    await inspect(page, 'connections-dead')
    await button(page, 'Mark as seen').click()
    await page.getByLabel('Notices').waitFor({ state: 'detached' })
  })
  await test('who looks after the platform sees all tenants, and changes a plan', async () => {
    await house.run(['user', 'platform-admin', '--mail', OWNER.mail])
    await page.reload()
    await page.getByRole('link', { name: 'Tenants' }).click()
    await page.getByLabel('Plan of Acme').selectOption('pro')
    await page.reload()
    await page.locator('select:enabled').first().waitFor()
    await inspect(page, 'tenants')
  })
  await test('the workspace comes back by a click in a window of Slack’s', async () => {
    await page.getByRole('link', { name: /Connections/ }).click()
    await button(page, 'Connect a channel').click()
    await button(page, 'Add to Slack').click()
    const [slack] = await Promise.all([page.context().waitForEvent('page'), page.getByRole('link', { name: 'Open Slack' }).click()])
    await slack.locator('input[name=team]').fill(TEAM)
    await button(slack, 'Allow').click()
    await slack.getByText('is connected to Acme').waitFor()
    await slack.close()
    await page.locator('.connection').getByText('does not work').waitFor({ state: 'detached' })
  })
}
