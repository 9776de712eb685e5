// Colleagues: an invitation, what somebody who may only look sees, and a forgotten password.
import assert from 'node:assert/strict'
import { button, fill, heading, inspect, newPage } from './browser.mjs'
import { mailedLink } from './first-run.mjs'
import { secondTenant } from './platform.mjs'

const READER = { mail: 'linus@example.com', password: 'seven unrelated words', name: 'Linus Reader' }
const NEW_PASSWORD = 'eight other unrelated words'

export async function team(stage, ownerPage) {
  const { house, test, newContext } = stage
  await test('somebody is invited for looking only', async () => {
    await ownerPage.getByRole('link', { name: 'People' }).click()
    await fill(ownerPage, 'Mail address', READER.mail)
    await ownerPage.locator('form').getByLabel('read-only').check()
    await button(ownerPage, 'Invite').click()
    await ownerPage.getByRole('status').filter({ hasText: READER.mail }).waitFor()
    await inspect(ownerPage, 'people')
  })
  const context = await newContext()
  const page = await newPage(context, house.address)
  await test('the invitation’s link makes an account and joins', async () => {
    await page.goto(await mailedLink(house, READER.mail, 'accept'))
    await heading(page, 'Join Acme').waitFor()
    await inspect(page, 'accept')
    await fill(page, 'Your name', READER.name)
    await fill(page, 'Choose a password', READER.password)
    await button(page, 'Join').click()
    await heading(page, 'Inbox').waitFor()
  })
  await readOnly(test, page)
  await test('the member is there, and a role changes with one choice', async () => {
    await ownerPage.reload()
    const role = ownerPage.getByLabel(`Role of ${READER.name}`)
    await role.selectOption('customer_admin')
    await ownerPage.locator('.member select:enabled').waitFor()
    await ownerPage.locator('.member', { hasText: READER.mail }).getByLabel('read-only').click()
    await ownerPage.locator('.member input:not(:checked):enabled').waitFor()
    await page.reload()
    await button(page, 'Connect a channel').waitFor()
  })
  await forgotten(house, test, page)
  await secondTenant(stage, page, { mail: READER.mail, password: NEW_PASSWORD })
  await context.close()
}

async function readOnly(test, page) {
  await test('who may only look is offered nothing else, on every page', async () => {
    await page.locator('.row').first().getByRole('link').click()
    await page.getByText('You may read along.').waitFor()
    assert.equal(await page.getByRole('button', { name: /Take over|Give back|Send/ }).count(), 0)
    await inspect(page, 'read-only-inbox')
    await page.getByRole('link', { name: 'Agents' }).click()
    await page.getByText('Your role may not do that.').waitFor()
    assert.equal(await button(page, 'Save').count(), 0)
    await page.getByRole('link', { name: 'People' }).click()
    await page.getByText(READER.mail).waitFor()
    assert.equal(await page.getByRole('button', { name: /Invite|Remove|Make owner/ }).count(), 0)
    await page.getByRole('link', { name: 'Settings' }).click()
    await heading(page, 'Devices').waitFor()
    assert.equal(await heading(page, 'API keys').count(), 0)
    await page.getByRole('link', { name: 'Connections' }).click()
    await page.locator('.connection').first().waitFor()
    assert.equal(await button(page, 'Connect a channel').count(), 0)
    await inspect(page, 'read-only-connections')
  })
}

async function forgotten(house, test, page) {
  await test('signing out everywhere takes the password', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await button(page, 'Sign out everywhere').click()
    await inspect(page, 'sign-out-everywhere')
    const dialog = page.getByRole('dialog')
    await fill(dialog, 'Current password', 'not the right one')
    await button(page, 'Continue').click()
    await page.getByRole('alert').filter({ hasText: 'That is not your current ' }).waitFor()
    await fill(dialog, 'Current password', READER.password)
    await button(page, 'Continue').click()
    await page.getByRole('link', { name: 'Forgot your password?' }).waitFor()
  })
  await test('a forgotten password is set anew by mail', async () => {
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await fill(page, 'Mail address', READER.mail)
    await inspect(page, 'forgot')
    await button(page, 'Send the link').click()
    await heading(page, 'Look into your mail').waitFor()
    await page.goto(await mailedLink(house, READER.mail, 'reset'))
    await fill(page, 'Choose a password', NEW_PASSWORD)
    await inspect(page, 'reset')
    await button(page, 'Set password').click()
    await page.getByRole('link', { name: 'Sign in' }).click()
    await fill(page, 'Mail address', READER.mail)
    await fill(page, 'Password', NEW_PASSWORD)
    await button(page, 'Sign in').click()
    await heading(page, 'Inbox').waitFor()
  })
  await test('an address that nobody has says so', async () => {
    await page.goto(`${house.address}/nowhere`)
    await heading(page, 'Nothing is here').waitFor()
    await inspect(page, 'missing')
  })
}
