// Help from the platform: a customer agrees, somebody acts as a member under a banner, and it is over when the customer says so.
// And a customer who is stopped, and may go on.
import assert from 'node:assert/strict'
import { button, fill, heading, inspect, newPage } from './browser.mjs'

const CUSTOMER = { name: 'Customer Ltd', mail: 'cara@customer.example', password: 'a customer with a long password' }
/** As promised, and a little for the page. */
const OVER_MS = 8_000

export async function support({ house, test, newContext }, platform) {
  const customer = await newPage(await newContext(), house.address)

  await test('a customer lets nobody in until an admin agrees', async () => {
    const told = await house.run(['tenant', 'create', '--name', CUSTOMER.name, '--admin', CUSTOMER.mail])
    await customer.goto(told.match(/http\S+\/accept#token=[\w-]+/)[0])
    await heading(customer, `Join ${CUSTOMER.name}`).waitFor()
    await fill(customer, 'Your name', 'Cara')
    await fill(customer, 'Choose a password', CUSTOMER.password)
    await button(customer, 'Join').click()
    await heading(customer, 'No conversations yet').waitFor()
    await platform.getByRole('link', { name: 'Tenants' }).click()
    const line = platform.locator('li', { hasText: CUSTOMER.name })
    await line.getByText('no support access').waitFor()
    await customer.getByRole('link', { name: 'Settings' }).click()
    await customer.getByLabel('Somebody of the platform may').selectOption('read')
    await customer.getByText('Allowed since').waitFor()
    await inspect(customer, 'settings-support')
  })

  await test('somebody of the platform acts as a member, under a banner that says so on every page', async () => {
    await platform.reload()
    await button(platform, `Act as a member of ${CUSTOMER.name}`).click()
    await fill(platform, 'Mail address of the member', CUSTOMER.mail)
    await fill(platform, 'Reason', 'A rule never fires')
    await fill(platform, 'Ticket', 'SUP-7')
    await inspect(platform, 'act-as')
    await platform.locator('dialog').getByRole('button', { name: 'Act as a member', exact: true }).click()
    await heading(platform, 'No conversations yet').waitFor()
    const banner = platform.getByLabel('You act as somebody else')
    await banner.getByText(`You see ${CUSTOMER.name} as Cara does.`).waitFor()
    await banner.getByText(/^(30:00|29:\d\d) left$/).waitFor()
    for (const page of ['Agents', 'Settings', 'Audit log']) {
      await platform.getByRole('link', { name: page, exact: true }).click()
      await heading(platform, page).waitFor()
      await banner.waitFor()
    }
    await platform.getByText('SUP-7').nth(1).waitFor()
    await inspect(platform, 'acting-as')
    assert.equal(await platform.getByRole('link', { name: 'Tenants' }).count(), 0, 'nothing of the platform meanwhile')
  })

  await test('taken back, it is over by itself, and the log tells the customer who was there', async () => {
    await customer.getByLabel('Somebody of the platform may').selectOption('none')
    await platform.getByText(`You no longer act in ${CUSTOMER.name}`).waitFor({ timeout: OVER_MS })
    await button(platform, 'Back to my account').click()
    await heading(platform, 'Tenants').waitFor()
    await customer.getByRole('link', { name: 'Audit log' }).click()
    await customer.getByText('impersonation.start').waitFor()
    await customer.getByText(/as Cara · SUP-7/).first().waitFor()
    await inspect(customer, 'audit-acting')
  })

  await test('a customer who is stopped reads why, and goes on when it is lifted', async () => {
    await button(platform, `Suspend: ${CUSTOMER.name}`).click()
    await fill(platform, 'Reason, for its people', 'An invoice of June is open.')
    await platform.locator('dialog').getByRole('button', { name: 'Suspend', exact: true }).click()
    await platform.getByText('An invoice of June is open.').waitFor()
    await inspect(platform, 'tenants-suspended')
    await customer.reload()
    await customer.getByLabel('This organization is suspended.').getByText('An invoice of June is open.').waitFor()
    await inspect(customer, 'suspended')
    await button(platform, `Let it go on: ${CUSTOMER.name}`).click()
    await platform.locator('dialog').getByRole('button', { name: 'Let it go on', exact: true }).click()
    await platform.getByText('An invoice of June is open.').waitFor({ state: 'detached' })
    await customer.reload()
    await customer.getByLabel('This organization is suspended.').waitFor({ state: 'detached' })
  })
  await customer.context().close()
}
