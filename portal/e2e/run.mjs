// The built page in a real browser: every state, no violation of the policy, no foreign request, keyboard and copying.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { startServer } from './server.mjs'

const RESULTS = new URL('../test-results/', import.meta.url).pathname
const CHROMIUM = process.env.CHROMIUM_PATH || '/usr/bin/chromium'
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const WAIT_MS = 15_000

const postgresql = (ready, detail) => ({ name: 'postgresql', ready, required: true, detail })
const redis = (ready, detail) => ({ name: 'redis', ready, required: false, detail })
const report = (status, checks) => ({ status, body: JSON.stringify({ ready: status === 200, checks }) })

const STATES = {
  ready: { answer: report(200, [postgresql(true, 'ok'), redis(true, 'ok')]), title: 'Ready' },
  slower: {
    answer: report(200, [postgresql(true, 'ok'), redis(false, 'no answer within 1 s; working without it, slower')]),
    title: 'Ready, but slower than usual',
  },
  'not-ready': {
    answer: report(503, [postgresql(false, 'no answer within 2 s'), redis(true, 'ok')]),
    title: 'Not ready',
  },
  silent: { answer: null, title: 'The gateway does not answer' },
  strange: { answer: { status: 502, body: '<html>Bad gateway</html>' }, title: 'Something else answers' },
}

let passed = 0
async function test(name, run) {
  try {
    await run()
  } catch (error) {
    console.error(`✗ ${name}`)
    throw error
  }
  passed += 1
  console.log(`✓ ${name}`)
}

if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: install chromium or set CHROMIUM_PATH.`)
if (!existsSync(new URL('../dist/index.html', import.meta.url))) throw new Error('dist/ is missing: npm run build.')

let answer = STATES.ready.answer
const server = await startServer(() => answer)
const profile = await mkdtemp(join(tmpdir(), 'konstruct-portal-'))
await mkdir(RESULTS, { recursive: true })
const browser = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args: FLAGS })
const foreign = []
const violations = []
const errors = []

async function open() {
  const page = await browser.newPage()
  page.setDefaultTimeout(WAIT_MS)
  page.on('request', (request) => request.url().startsWith(`${server.address}/`) || foreign.push(request.url()))
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) violations.push(message.text())
  })
  await page.exposeFunction('reportViolation', (what) => violations.push(what))
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) =>
      globalThis.reportViolation(`${event.violatedDirective}: ${event.blockedURI}`),
    )
  })
  await page.goto(`${server.address}/`)
  return page
}

const titled = (page, title) => page.getByRole('heading', { level: 2, name: title, exact: true }).waitFor()

async function states() {
  const page = await open()
  for (const [name, state] of Object.entries(STATES)) {
    await test(`state: ${name}`, async () => {
      answer = state.answer
      await page.getByRole('button', { name: 'Check now' }).click()
      await titled(page, state.title)
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme })
        await page.screenshot({ path: join(RESULTS, `${name}-${colorScheme}.png`), fullPage: true })
      }
    })
  }
  await test('it recovers by itself', async () => {
    answer = STATES.ready.answer
    await titled(page, STATES.ready.title)
  })
  await page.close()
}

async function narrow() {
  const page = await open()
  await page.setViewportSize({ width: 360, height: 740 })
  await titled(page, STATES.ready.title)
  await test('a telephone needs no sideways scrolling', async () => {
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(width <= 360, `the page is ${width} px wide`)
    await page.screenshot({ path: join(RESULTS, 'narrow.png'), fullPage: true })
  })
  await page.close()
}

async function keyboard() {
  await browser.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.address })
  const page = await open()
  await test('a command is copied by keyboard', async () => {
    await page.getByRole('button', { name: /^Copy: konstruct connect slack/ }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('status').filter({ hasText: 'Copied' }).waitFor()
    const copied = await page.evaluate(() => navigator.clipboard.readText())
    assert.equal(copied, 'konstruct connect slack --tenant ten_… --bot-token xoxb-…')
  })
  await test('the page has a language, one main heading and a link to the API', async () => {
    assert.equal(await page.locator('html').getAttribute('lang'), 'en')
    assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1)
    assert.equal(await page.getByRole('link').getAttribute('href'), '/api/openapi.json')
  })
  await page.close()
}

try {
  await states()
  await narrow()
  await keyboard()
  await test('no violation of the content security policy', () => assert.deepEqual(violations, []))
  await test('no request to anyone else', () => assert.deepEqual(foreign, []))
  await test('no error in the page', () => assert.deepEqual(errors, []))
  console.log(`${passed} browser tests passed; pictures are in portal/test-results/`)
} finally {
  await browser.close()
  await server.stop()
  await rm(profile, { recursive: true, force: true })
}
