// What models cost, how much they may, and whose keys they are asked with.
import assert from 'node:assert/strict'
import { button, fill, heading, inspect } from './browser.mjs'
import { TEAM } from './first-run.mjs'
import { until } from './house.mjs'

const KEY = 'sk-own-0123456789abcd'

export async function money(stage, page) {
  await usage(stage, page)
  await budgets(stage, page)
  await keys(stage, page)
  await german(stage, page)
}

const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name })

/** The gateway's own report, as if the price of some calls were not known. */
async function withoutPrices(page, isUnknown) {
  await page.route('**/api/v1/usage?**', async (route) => {
    const report = await (await route.fetch()).json()
    const hidden = (row) => ({ ...row, unpriced_calls: isUnknown === 'all' ? row.calls : Math.ceil(row.calls / 2), ...(isUnknown === 'all' && { cost_usd: 0, cost_micro_usd: 0 }) })
    await route.fulfill({ json: { ...report, items: report.items.map(hidden) } })
  })
  await page.reload()
}

async function usage({ house, test }, page) {
  await test('what was spent is told by day and by whom, and the choice stands in the address', async () => {
    // What the simulated models really cost is nothing.
    await house.run(['price', '--model', 'simulated-1', '--input', '100', '--output', '500'])
    await house.slack('say', { team: TEAM, channel: 'CSALES', user: 'UADA', text: 'How much will that cost?', mention: true })
    await place(page, 'Usage').click()
    await until('a cost', async () => {
      await page.reload()
      await page.locator('.tiles').waitFor()
      return /US\$0\.0*[1-9]/.test(await page.locator('.tiles').textContent()) || undefined
    })
    await page.getByText('As a table').click()
    await page.getByRole('group', { name: 'Grouped by' }).getByRole('button', { name: 'People' }).click()
    await page.waitForURL(/by=person/)
    await page.getByRole('link', { name: 'Ada' }).waitFor()
    await inspect(page, 'usage')
    await page.getByRole('group', { name: 'Time' }).getByRole('button', { name: '7 days' }).click()
    await page.waitForURL(/days=7/)
    await page.reload()
    await page.getByRole('link', { name: 'Ada' }).waitFor()
    assert.equal(await page.locator('.bars .bar').count(), 7)
  })
  await test('a cost that nobody knows is said to be unknown, and is no zero', async () => {
    await withoutPrices(page, 'all')
    await page.locator('.tiles').getByText('unknown').waitFor()
    await page.getByText(/The price of the models that were used is not known/).waitFor()
    assert.ok(!(await page.locator('.tiles').textContent()).includes('0.00'))
    await inspect(page, 'usage-unknown')
  })
  await test('a sum that is not all of it says so', async () => {
    await page.unroute('**/api/v1/usage?**')
    await withoutPrices(page, 'some')
    await page.locator('.tiles').getByText(/at least/).waitFor()
    await page.getByText('A dot marks days').waitFor()
    await inspect(page, 'usage-partly')
    await page.unroute('**/api/v1/usage?**')
    await page.reload()
    await page.locator('.tiles').getByText(/^US\$/).waitFor()
  })
}

async function budgets({ test }, page) {
  await test('without budgets the page says what to do', async () => {
    await place(page, 'Budgets').click()
    await heading(page, 'No budget yet').waitFor()
    await inspect(page, 'budgets-empty')
  })
  await test('a budget begins with what was spent, and one without a limit is no alarm', async () => {
    await button(page, 'New budget').click()
    await inspect(page, 'budgets-new')
    await fill(page, 'Limit: US Dollar (USD)', '250')
    await button(page, 'Create budget').click()
    await page.locator('.budget').getByText('of US$250.00').waitFor()
    await button(page, 'New budget').click()
    await page.getByLabel('For', { exact: true }).selectOption('agent')
    await page.getByLabel('Which agent').selectOption({ index: 1 })
    await page.getByLabel('Per', { exact: true }).selectOption('day')
    await page.getByLabel('No limit: only count').check()
    await button(page, 'Create budget').click()
    await page.locator('.budget .badge', { hasText: 'No limit set' }).waitFor()
    await inspect(page, 'budgets')
  })
  await test('a limit that is spent says so, and can be raised again', async () => {
    const budget = page.locator('.budget').first()
    await budget.getByRole('button', { name: 'Change the limit' }).click()
    await budget.getByLabel('Limit: US Dollar (USD)').fill('0.000001')
    await budget.getByRole('button', { name: 'Save' }).click()
    await budget.locator('.badge', { hasText: 'Used up' }).waitFor()
    await inspect(page, 'budgets-used-up')
    await budget.getByRole('button', { name: 'Delete' }).click()
    await heading(page, 'Delete this budget?').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.locator('.budget').nth(1).waitFor({ state: 'detached' })
    assert.equal(await page.locator('.budget').count(), 1)
  })
}

async function keys({ house, test }, page) {
  await test('a key that the provider refuses is told, and not stored', async () => {
    await place(page, 'Model keys').click()
    await heading(page, 'No key of your own').waitFor()
    await inspect(page, 'model-keys-empty')
    await button(page, 'Connect a key').click()
    await fill(page, 'Name', 'Ours')
    await fill(page, 'Address', house.models)
    await fill(page, 'Key', 'sk-invalid-0000')
    await fill(page, 'Default model', 'simulated-1')
    await button(page, 'Try and connect').click()
    await page.getByRole('alert').filter({ hasText: 'key' }).waitFor()
    await inspect(page, 'model-keys-refused')
  })
  await test('one that answers is kept by its last four letters', async () => {
    await fill(page, 'Key', KEY)
    await page.getByLabel('Fall back to').check()
    await button(page, 'Try and connect').click()
    await page.getByText('••••abcd').waitFor()
    await page.getByText('No agent uses it.').waitFor()
    assert.ok(!(await page.content()).includes(KEY))
  })
  await test('an agent gets an order of models, which a reload keeps', async () => {
    await page.getByRole('link', { name: 'Agents' }).click()
    await button(page, 'Add a model').click()
    await button(page, 'Add a model').click()
    await page.getByLabel('Key of model 2').selectOption({ label: 'This installation' })
    await page.getByLabel('Name of model 2').fill('simulated-2')
    await button(page, 'Move model 2 up').click()
    await button(page, 'Save').click()
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
    await page.reload()
    await page.getByLabel('Name of model 1').waitFor()
    assert.equal(await page.getByLabel('Name of model 1').inputValue(), 'simulated-2')
    assert.equal(await page.getByLabel('Key of model 2').locator('option:checked').textContent(), 'Ours')
    await inspect(page, 'agents-models')
  })
  await test('a key that an agent names is not deleted; another one is replaced', async () => {
    await place(page, 'Model keys').click()
    await page.getByText('Answers for').waitFor()
    await button(page, 'Delete').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('alert').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await button(page, 'Change or replace').click()
    await fill(page, 'New key', 'sk-own-9876543210wxyz')
    await button(page, 'Try and save').click()
    await page.getByText('••••wxyz').waitFor()
    await page.getByText('Replaced', { exact: true }).waitFor()
    await inspect(page, 'model-keys')
  })
}

async function german({ test }, page) {
  await test('money is there in German, with the reader’s own signs', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByLabel('Language', { exact: true }).selectOption('de')
    await page.getByRole('link', { name: 'Verbrauch' }).click()
    await page.locator('.tiles').getByText(/^0,\d+/).waitFor()
    await inspect(page, 'usage-de')
    await page.getByRole('link', { name: 'Budgets' }).click()
    await page.locator('.budget').waitFor()
    await inspect(page, 'budgets-de')
    await page.getByRole('link', { name: 'Modellschlüssel' }).click()
    await page.getByText('••••wxyz').waitFor()
    await inspect(page, 'model-keys-de')
    await page.getByRole('link', { name: 'Einstellungen' }).click()
    await page.getByLabel('Sprache', { exact: true }).selectOption('en')
  })
}
