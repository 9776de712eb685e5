// An answer, a question and names of files that are markup, in a browser that would carry it out.
import assert from 'node:assert/strict'
import { heard, heading } from './browser.mjs'
import { TEAM } from './first-run.mjs'

const MARKUP = '<img src=x onerror="window.broken=1"><svg onload="window.broken=1"></svg><script>window.broken=1</script><a href="javascript:window.broken=1">bank</a> [bank](javascript:window.broken=1) ![p](https://evil.example/p.png) <iframe srcdoc="<script>parent.broken=1</script>"></iframe>'
const ACTIVE = '#page :is(img, iframe, script, object, embed, style, [onerror], [onload], [href^="javascript" i], [href*="evil"])'
const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name })

async function isText(page) {
  assert.equal(await page.evaluate(() => globalThis.broken), undefined)
  assert.equal(await page.locator(ACTIVE).count(), 0)
  assert.deepEqual(heard.violations, [])
  assert.deepEqual(heard.foreign, [])
}

export async function hostile({ house, test }, page) {
  await test('attack 139: an answer, a question and the name of a file are text', async () => {
    await house.model({ answer: MARKUP })
    const escaped = MARKUP.replaceAll('<', '&lt;').replaceAll('>', '&gt;')
    const files = [{ name: `${MARKUP}.txt`, mimetype: 'text/plain', text: 'nothing' }]
    await house.slack('say', { team: TEAM, channel: 'CHOSTILE', user: 'UADA', text: escaped, mention: true, files })
    await place(page, 'Inbox').click()
    await page.locator('.row', { hasText: '<img' }).first().getByRole('link').click()
    await page.locator('.message.agent .said', { hasText: MARKUP }).waitFor({ timeout: 30_000 })
    await page.locator('.message.person .said', { hasText: MARKUP }).waitFor()
    await page.locator('.message-files li', { hasText: '<img src=x' }).waitFor()
    await isText(page)
    await house.model({})
  })
  await test('attack 139: so is the name of a document', async () => {
    await place(page, 'Knowledge').click()
    await heading(page, 'Knowledge').waitFor()
    const name = '<img src=x onerror=broken=1>.txt'
    await page.locator('input[type=file]').setInputFiles([{ name, mimeType: 'text/plain', buffer: Buffer.from('Nothing to see.') }])
    await page.locator('.documents li', { hasText: '<img src=x' }).getByText('ready', { exact: true }).waitFor({ timeout: 30_000 })
    await isText(page)
  })
}
