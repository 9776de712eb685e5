// What members tell each other in a conversation, which nobody else sees.
import assert from 'node:assert/strict'
import { button, fill, heading, inspect } from './browser.mjs'
import { OWNER, TEAM } from './first-run.mjs'

export async function notes(house, test, page) {
  await test('a note stays in the house: among the messages for members, and not in Slack', async () => {
    const note = 'Call her before noon. <script>alert(1)</script>'
    await button(page, 'Internal note').click()
    await fill(page, 'Note for your team', note)
    await button(page, 'Save the note').click()
    const noted = page.locator('.message.noted', { hasText: note })
    await noted.waitFor()
    assert.match(await noted.innerText(), new RegExp(`${OWNER.name}.*Internal note`, 's'))
    await inspect(page, 'note')
    assert.ok(!JSON.stringify(await house.transcript(TEAM, 'CGENERAL')).includes('Call her'))
    await noted.getByRole('button', { name: /^Delete: note by/ }).click()
    await heading(page, 'Delete this note?').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await noted.waitFor({ state: 'detached' })
    await button(page, 'Reply').click()
  })
}
