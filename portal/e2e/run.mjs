// The built portal in a real browser, against a real gateway, database and simulated Slack.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { acting } from './acting.mjs'
import { analytics, system } from './analytics.mjs'
import { billing } from './billing.mjs'
import { heard } from './browser.mjs'
import { contacts } from './contacts.mjs'
import { firstRun } from './first-run.mjs'
import { hostile } from './hostile.mjs'
import { startHouse } from './house.mjs'
import { learned } from './learned.mjs'
import { live } from './live.mjs'
import { money } from './money.mjs'
import { platform } from './platform.mjs'
import { practice } from './practice.mjs'
import { quick } from './quick.mjs'
import { routines } from './routines.mjs'
import { rules } from './rules.mjs'
import { statusPage } from './status.mjs'
import { support } from './support.mjs'
import { team } from './team.mjs'
import { deadLetters, together } from './together.mjs'
import { trust } from './trust.mjs'
import { work } from './work.mjs'

const CHROMIUM = process.env.CHROMIUM_PATH || '/usr/bin/chromium'
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

let passed = 0
async function test(name, run) {
  const begin = performance.now()
  try {
    await run()
  } catch (error) {
    console.error(`✗ ${name}`)
    throw error
  }
  passed += 1
  console.log(`✓ ${name} (${((performance.now() - begin) / 1000).toFixed(1)} s)`)
}

if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: install chromium or set CHROMIUM_PATH.`)
if (!existsSync(new URL('../dist/index.html', import.meta.url))) throw new Error('dist/ is missing: npm run build.')

const begin = performance.now()
const house = await startHouse()
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, headless: true })
try {
  const stage = { house, browser, test, newContext: () => browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin' }) }
  await statusPage(stage)
  const owner = await firstRun(stage)
  await work(stage, owner)
  await trust(stage, owner)
  await rules(stage, owner)
  await acting(stage, owner)
  await learned(stage, owner)
  await hostile(stage, owner)
  await together(stage, owner)
  await live(stage, owner)
  await quick(stage, owner)
  await practice(stage, owner)
  await routines(stage, owner)
  await contacts(stage, owner)
  await analytics(stage, owner)
  await money(stage, owner)
  await billing(stage, owner)
  await team(stage, owner)
  await platform(stage, owner)
  await system(stage, owner)
  await support(stage, owner)
  await deadLetters(stage, owner)
  await test('axe finds nothing on any page', () => assert.deepEqual(heard.barriers, []))
  await test('attack 139: no violation of the content security policy', () => assert.deepEqual(heard.violations, []))
  await test('no request to anyone else', () => assert.deepEqual(heard.foreign, []))
  await test('no error in the console', () => assert.deepEqual(heard.errors, []))
  console.log(`${passed} browser tests passed in ${((performance.now() - begin) / 1000).toFixed(0)} s; pictures: target/screenshots/`)
} finally {
  await browser.close()
  await house.stop()
}
