// A plan is bought, changed and cancelled on (simulated) Stripe's own pages, and the portal knows it when one comes back.
import assert from 'node:assert/strict'
import { button, heard, heading, inspect } from './browser.mjs'

export async function billing({ house, test }, page) {
  heard.expected.add(house.stripe)
  await test('plans are shown with what they allow, and which is ours', async () => {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Plan', exact: true }).click()
    await heading(page, 'Your plan: Free').waitFor()
    await page.getByText('No subscription').waitFor()
    await inspect(page, 'billing-free')
  })
  await test('subscribing goes to Stripe’s page and comes back with the plan', async () => {
    await button(page, 'Subscribe to Pro').click()
    await page.waitForURL((url) => url.origin === house.stripe)
    await page.getByRole('button', { name: 'Pay and subscribe' }).click()
    await page.waitForURL(/billing\?checkout=done/)
    await page.getByText('Thank you. Your subscription is active.').waitFor()
    await heading(page, 'Your plan: Pro').waitFor()
    assert.equal(await page.getByRole('button', { name: /Subscribe/ }).count(), 0)
    await inspect(page, 'billing')
  })
  await test('what is decided on Stripe’s page is told here', async () => {
    await button(page, 'Plan, card and invoices').click()
    await page.waitForURL((url) => url.origin === house.stripe)
    await page.getByRole('button', { name: 'Cancel', exact: true }).click()
    await page.goto(`${house.address}/billing`)
    await page.reload()
    await page.locator('.billing-status .badge', { hasText: 'ends' }).waitFor()
    await page.getByText(/^Until /).waitFor()
    await inspect(page, 'billing-ends')
  })
}
