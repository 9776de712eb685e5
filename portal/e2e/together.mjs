// Two people at one agent, an inbox of ten thousand conversations, jobs that were given up, and what a first visit loads.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { button, fill, heading, inspect, newPage } from './browser.mjs'
import { until, uuidOf, wait } from './house.mjs'

const MANY = 10_000
const LONG_TASK_MS = 50
const ENTRY_BYTES_MAX = 180 * 1024
const place = (page, name) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name })

export async function together(stage, page) {
  await edit(stage, page)
  await first(stage, page)
  await long(stage, page)
}

async function edit({ house, test, newContext }, page) {
  await test('who edits what somebody else has changed is told what differs, and keeps both', async () => {
    await place(page, 'Agents').click()
    await fill(page, 'Role', 'Helps sales and support')
    const context = await newContext()
    await context.addCookies(await page.context().cookies())
    const other = await newPage(context, house.address)
    await other.goto(`${house.address}/agents`)
    await fill(other, 'Tone', 'Solemn')
    await button(other, 'Save').click()
    await other.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
    await context.close()
    await button(page, 'Save').click()
    const told = page.locator('.conflict')
    await told.locator('ins', { hasText: 'Solemn' }).waitFor()
    await told.locator('ins', { hasText: 'Helps sales and support' }).waitFor()
    assert.equal(await page.getByLabel('Role').inputValue(), 'Helps sales and support')
    await inspect(page, 'agent-conflict')
    await button(page, 'Keep mine with theirs').click()
    assert.equal(await page.getByLabel('Tone').inputValue(), 'Solemn')
    await button(page, 'Save').click()
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
    await page.reload()
    await until('both', async () => (await page.getByLabel('Role').inputValue().catch(() => '')) === 'Helps sales and support' || undefined)
    assert.equal(await page.getByLabel('Tone').inputValue(), 'Solemn')
  })
  await test('a former version is taken into the form, and counts once it is saved', async () => {
    await page.getByText('Versions', { exact: true }).click()
    await page.locator('.version-list li').nth(1).waitFor()
    await inspect(page, 'agent-versions')
    await page.locator('.version-list li').nth(2).getByRole('button', { name: /^Take into the form/ }).click()
    await page.getByText('without tools and keys that were deleted since').waitFor()
    assert.notEqual(await page.getByLabel('Tone').inputValue(), 'Solemn')
    await button(page, 'Save').click()
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor()
  })
}

/** What the entry loads before anything is shown, with all that it imports, as it goes over the line. */
async function first({ test }) {
  await test('a first visit loads at most 180 kB of script, in either language', async () => {
    const dist = new URL('../dist/', import.meta.url)
    const html = await readFile(new URL('index.html', dist), 'utf8')
    const all = await readdir(new URL('assets/', dist))
    const named = (names) => all.filter((file) => new RegExp(`^(${names})-.*\\.js$`).test(file))
    const english = await sizeOf(dist, [...[...html.matchAll(/(?:src|href)="\/assets\/([^"]+\.js)"/g)].map(([, file]) => file), ...named('inbox|shell')])
    const german = english + (await sizeOf(dist, named('german'), false))
    console.log(`  the entry and the inbox load ${(english / 1024).toFixed(1)} kB of script, compressed, and ${(german / 1024).toFixed(1)} kB in German`)
    assert.ok(english > 100 * 1024 && german > english, 'something was counted')
    assert.ok(german <= ENTRY_BYTES_MAX, `${german} bytes`)
  })
}

/** Compressed, each file once. */
async function sizeOf(dist, files, withImports = true) {
  const known = new Map()
  for (const queue = [...files]; queue.length > 0; ) {
    const file = queue.pop()
    if (known.has(file)) continue
    const script = await readFile(new URL(`assets/${file}`, dist))
    known.set(file, gzipSync(script).length)
    if (withImports) for (const [, other] of script.toString().matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) queue.push(other)
  }
  return [...known.values()].reduce((before, size) => before + size, 0)
}

/** The gateway's own list, as if there were many more. */
async function withMany(page) {
  await page.route('**/api/v1/conversations?**', async (route) => {
    const url = new URL(route.request().url())
    const from = Number(url.searchParams.get('cursor') ?? 0)
    const limit = Number(url.searchParams.get('limit') ?? 50)
    const items = Array.from({ length: Math.min(limit, MANY - from) }, (_, at) => conversation(from + at))
    await route.fulfill({ json: { items, next_cursor: from + limit < MANY ? String(from + limit) : null } })
  })
}

function conversation(n) {
  const at = new Date(Date.UTC(2026, 10, 27) - n * 60_000).toISOString()
  return {
    id: `cnv_many${n}`, connection_id: 'con_1', channel: n % 3 === 0 ? 'whatsapp' : 'slack', place: `C${n}`, place_name: `place ${n}`, kind: 'public',
    handler: n % 7 === 0 ? 'human' : 'agent', waiting_since: n % 11 === 0 ? at : null, last_message_at: at, found: null,
    last_message: { author: 'Ada', author_kind: 'person', excerpt: `Number ${n}. ${'Words and more words. '.repeat(n % 9)}` },
  }
}

/** As fast as a finger: three seconds, a frame at a time, over all of it and in small steps. */
async function scrolled() {
  const box = document.querySelector('.rows')
  const top = box.scrollHeight
  const frames = 180
  for (let frame = 0; frame < frames; frame += 1) {
    box.scrollTop = frame % 2 === 0 ? (top * frame) / frames : box.scrollTop + 300
    await new Promise((done) => requestAnimationFrame(done))
  }
  await new Promise((done) => setTimeout(done, 300))
  return frames
}

/** What the page's main thread did, in milliseconds of its own and of the clock: a machine that is busy with something else makes
 * the second longer, not the first. */
function tasksOf({ traceEvents: events }) {
  const mains = new Set(events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`))
  const isTask = ({ ph, name, pid, tid }) => ph === 'X' && name.endsWith('RunTask') && mains.has(`${pid} ${tid}`)
  return events.filter(isTask).map(({ dur = 0, tdur = dur }) => ({ own: tdur / 1_000, whole: dur / 1_000 }))
}

async function long({ house, browser, test }, page) {
  await test('an inbox of ten thousand conversations scrolls without a long task, and j and k go on', async () => {
    await withMany(page)
    await page.goto(`${house.address}/inbox`)
    await page.locator('.row').first().waitFor()
    const rows = page.locator('.rows')
    const loaded = () => page.locator('.row').first().evaluate(() => document.querySelector('.rows')?.scrollHeight ?? 0)
    const deadline = Date.now() + 120_000
    const whole = MANY * 100
    while ((await loaded()) < whole && Date.now() < deadline) await rows.evaluate((box) => (box.scrollTop = box.scrollHeight)).then(() => wait(15))
    assert.ok((await loaded()) >= whole, `only ${await loaded()} px were loaded`)
    await wait(500)
    const drawn = await page.locator('.row').count()
    assert.ok(drawn < 60, `${drawn} rows are drawn`)
    await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] })
    const frames = await page.evaluate(scrolled)
    const tasks = tasksOf(JSON.parse((await browser.stopTracing()).toString()))
    const longest = Math.max(0, ...tasks.map(({ own }) => own))
    console.log(`  ${frames} frames, ${tasks.length} tasks; the longest took the page ${longest.toFixed(1)} ms, by the clock ${Math.max(0, ...tasks.map(({ whole }) => whole)).toFixed(1)} ms`)
    assert.ok(tasks.length > frames, 'the tasks were traced')
    assert.ok(longest <= LONG_TASK_MS, `${longest} ms`)
    await rows.evaluate((box) => (box.scrollTop = 0))
    await page.keyboard.press('j')
    await page.waitForURL(/conversation=cnv_many0/)
    for (let n = 0; n < 30; n += 1) await page.keyboard.press('j')
    await page.waitForURL(/conversation=cnv_many30/)
    await page.locator('#row-cnv_many30').waitFor()
    await page.unroute('**/api/v1/conversations?**')
    await page.goto(`${house.address}/inbox`)
    await page.locator('.row').first().waitFor()
  })
}

/** For who looks after the platform: after `platform.mjs` made the owner one. */
export async function deadLetters({ house, test }, page) {
  await test('nothing was given up, and the page says what would appear', async () => {
    await place(page, 'Dead letters').click()
    await heading(page, 'Nothing was given up').waitFor()
    await inspect(page, 'dead-letters-empty')
  })
  await test('what was given up is tried again, or put aside after a second question', async () => {
    const { tenant_id: tenant } = await page.evaluate(async () => (await fetch('/api/v1/me')).json())
    await house.asTenant(uuidOf(tenant), `insert into jobs (tenant_id, job_id, kind, payload, state, attempts, error, finished_at)
      select '${uuidOf(tenant)}'::uuid, gen_random_uuid(), kind, jsonb_build_object('kind', kind), 'dead', 6, error, now()
        from (values ('fetch_person_profile', 'Slack did not answer within 10 s'), ('send_email', null)) j (kind, error)`)
    await page.reload()
    await page.locator('.letters li', { hasText: 'Slack did not answer' }).waitFor()
    await page.locator('.letters li', { hasText: 'The process died in its last attempt.' }).waitFor()
    await inspect(page, 'dead-letters')
    await button(page, 'Try again: fetch_person_profile of Acme').click()
    await page.getByRole('status').filter({ hasText: 'fetch_person_profile is tried again.' }).waitFor()
    await page.locator('.letters li', { hasText: 'Slack did not answer' }).waitFor({ state: 'detached' })
    await button(page, 'Discard: send_email of Acme').click()
    await heading(page, 'Discard send_email of Acme?').waitFor()
    await inspect(page, 'dead-letter-discard')
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click()
    await page.locator('.letters li', { hasText: 'send_email' }).waitFor({ state: 'detached' })
    await place(page, 'Audit log').click()
    await page.locator('.events li', { hasText: 'job.discard' }).waitFor()
  })
}
