// Pages that are watched: what the console, the policy or another host hears is a failure at the end of the run.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const SCREENSHOTS = new URL('../../target/screenshots/', import.meta.url).pathname
const WIDTHS = { phone: { width: 390, height: 844 }, tablet: { width: 900, height: 1_000 }, wide: { width: 1_440, height: 900 } }
const WAIT_MS = 15_000
/** The browser itself says so of every answer that is an error, also of those a page expects. */
// Refusals that the tests provoke, and requests that they cut off, alone or with the line.
const EXPECTED = /Failed to load resource: (the server responded with a status of (400|401|403|404|409|412|502|503)|net::ERR_(FAILED|INTERNET_DISCONNECTED))/

/** `expected`: where a whole window may go, and nothing of our pages. */
export const heard = { expected: new Set(), foreign: [], violations: [], errors: [], barriers: [] }

export async function newPage(context, address) {
  const page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS)
  await page.setViewportSize(WIDTHS.wide)
  page.on('request', (request) => {
    const { origin } = new URL(request.url())
    if (origin !== address && !(heard.expected.has(origin) && page.url().startsWith(origin)) && !(heard.expected.has(origin) && request.isNavigationRequest())) heard.foreign.push(request.url())
  })
  page.on('pageerror', (error) => heard.errors.push(String(error)))
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) heard.violations.push(message.text())
    else if (message.type() === 'error' && !EXPECTED.test(message.text())) heard.errors.push(message.text())
  })
  return page
}

/** Both themes, three widths, no sideways scrolling; what axe objects to is kept for the end. */
export async function inspect(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const [width, size] of Object.entries(WIDTHS)) {
      await page.setViewportSize(size)
      await page.screenshot({ path: join(SCREENSHOTS, `${name}-${colorScheme}-${width}.png`) })
      const wide = await page.evaluate(() => document.documentElement.scrollWidth)
      assert.ok(wide <= size.width, `${name} is ${wide} px wide on ${size.width} px`)
      if (width !== 'tablet') await accessible(page, `${name}, ${colorScheme}, ${width}`)
    }
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: null })
}

async function accessible(page, where) {
  await page.evaluate(AXE)
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  )
  for (const { id, nodes } of violations) {
    for (const node of nodes) heard.barriers.push(`${where}: ${id}: ${node.html} ${node.any[0]?.message ?? ''}`)
  }
}

export const button = (page, name) => page.getByRole('button', { name, exact: true })
export const heading = (page, name) => page.getByRole('heading', { name, exact: true })
export const fill = (page, label, value) => page.getByLabel(label, { exact: true }).fill(value)
