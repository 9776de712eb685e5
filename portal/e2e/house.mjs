// A whole Konstruct for one run: its own database, ports, storage and keys, beside whatever else runs on this machine.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startFront } from './front.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const TARGET = process.env.CARGO_TARGET_DIR || join(ROOT, 'target')
const READY_MS = 60_000
const LOOK_MS = 150
const OFFSETS = { from: 200, count: 1_400 }
const PORTS = { gateway: 8000, front: 8001, metrics: 9090, slack: 9100, whatsapp: 9101, stripe: 9102, model: 9103 }

export const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Asks again until there is an answer that is not `undefined`. */
export async function until(what, look, milliseconds = READY_MS) {
  for (const deadline = Date.now() + milliseconds; Date.now() < deadline; await wait(LOOK_MS)) {
    const found = await look()
    if (found !== undefined) return found
  }
  throw new Error(`${what} did not happen within ${milliseconds / 1000} s`)
}

/** What stands behind an id: 26 letters of Crockford's alphabet. */
export function uuidOf(id) {
  const letters = '0123456789abcdefghjkmnpqrstvwxyz'
  const number = [...id.split('_').at(-1)].reduce((sum, letter) => sum * 32n + BigInt(letters.indexOf(letter)), 0n)
  return number.toString(16).padStart(32, '0').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export async function startHouse() {
  const folder = await mkdtemp(join(tmpdir(), 'konstruct-e2e-'))
  const ports = await freePorts()
  const stored = await storedEnvironment()
  const database = await makeDatabase(stored)
  const environment = { ...stored, ...process.env, ...ownEnvironment(stored, database.name, ports, folder) }
  const konstruct = program()
  const run = (args) => finished(spawn(konstruct, args, { cwd: ROOT, env: environment }))
  await run(['migrate'])
  const logs = join(ROOT, 'portal/test-results')
  await mkdir(logs, { recursive: true })
  const parts = ['simulators', 'all'].map((part) => {
    const log = openSync(join(logs, `${part}.log`), 'w')
    return spawn(konstruct, [part], { cwd: ROOT, env: environment, stdio: ['ignore', log, log] })
  })
  const stopFront = await startFront(ports.front, ports.gateway)
  const address = `http://127.0.0.1:${ports.front}`
  await until('the platform’s start', async () => {
    if (parts.some((part) => part.exitCode !== null)) throw new Error('a process ended: see portal/test-results/*.log')
    const ready = await fetch(`${address}/readyz`).catch(() => null)
    return ready?.ok ? true : undefined
  })
  return {
    address,
    /** The simulated provider, as a tenant would name its own. */
    stripe: `http://127.0.0.1:${ports.stripe}`,
    models: `http://127.0.0.1:${ports.model}/v1`,
    run,
    /** As the product itself, under one tenant: what takes it an hour to bring about. */
    async asTenant(tenant, sql) {
      const client = new pg.Client(environment.DATABASE_URL)
      await client.connect()
      await client.query("select set_config('app.current_tenant', $1, false)", [tenant])
      await client.query(sql).finally(() => client.end())
    },
    slack: (what, body) => control(ports.slack, what, body),
    /** What the simulated model does from now on. */
    model: (options) => control(ports.model, 'options', options),
    transcript: async (team, channel) =>
      (await fetch(`http://127.0.0.1:${ports.slack}/_sim/transcript?team=${team}&channel=${channel}`)).json(),
    mails: () => mails(join(folder, 'storage/mail')),
    async stop() {
      await Promise.all(parts.map(ended))
      await stopFront()
      await database.end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function program() {
  const named = process.env.KONSTRUCT_BIN
  const places = named ? [named] : ['debug', 'release'].map((profile) => join(TARGET, profile, 'konstruct'))
  const found = places.find(existsSync)
  if (!found) throw new Error(`${places.join(' and ')} are missing: \`cargo build -p cli\`, or set KONSTRUCT_BIN.`)
  return found
}

async function storedEnvironment() {
  const text = await readFile(join(ROOT, '.local/env'), 'utf8').catch(() => '')
  const lines = text.split('\n').filter((line) => line.includes('='))
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

const given = (stored, name) => {
  const value = process.env[name] || stored[name]
  if (!value) throw new Error(`${name} is not set: run \`make test\` or \`make up\` once.`)
  return value
}

const inDatabase = (address, name) => Object.assign(new URL(address), { pathname: `/${name}` }).href

/** Named like those of the Rust tests, which clear away what nobody is connected to. */
async function makeDatabase(stored) {
  const name = `konstruct_test_${randomBytes(16).toString('hex')}`
  const owner = given(stored, 'DATABASE_OWNER_URL')
  const admin = new pg.Client(owner)
  await admin.connect()
  await admin.query(`create database ${name} template konstruct_template strategy wal_log`)
  await admin.query(`revoke temporary on database ${name} from public`)
  await admin.end()
  const keeper = new pg.Client(inDatabase(owner, name))
  await keeper.connect()
  return { name, end: () => keeper.end() }
}

function ownEnvironment(stored, database, ports, folder) {
  const databases = ['DATABASE_URL', 'DATABASE_OWNER_URL', 'DATABASE_SYSTEM_URL']
  return {
    ...Object.fromEntries(databases.map((name) => [name, inDatabase(given(stored, name), database)])),
    KONSTRUCT_ENV: 'development',
    KONSTRUCT_PORT_OFFSET: String(ports.offset),
    KONSTRUCT_BIND: `127.0.0.1:${ports.gateway}`,
    KONSTRUCT_METRICS_BIND: `127.0.0.1:${ports.metrics}`,
    KONSTRUCT_PUBLIC_URL: `http://127.0.0.1:${ports.front}`,
    KONSTRUCT_MASTER_KEYS: `dev-e2e:${randomBytes(32).toString('base64')}`,
    KONSTRUCT_SIGNUP: 'on',
    KONSTRUCT_FACTS_AFTER: '2',
    KONSTRUCT_SIMULATORS: '1',
    STORAGE_URL: `file://${join(folder, 'storage')}`,
    SMTP_URL: '',
    KONSTRUCT_EGRESS_ALLOW: '127.0.0.1',
    SLACK_SIGNING_SECRET: randomBytes(16).toString('hex'),
    SLACK_CLIENT_ID: '1000000000.2000000000',
    SLACK_CLIENT_SECRET: randomBytes(16).toString('hex'),
    SLACK_API_URL: `http://127.0.0.1:${ports.slack}/api/`,
    WHATSAPP_APP_SECRET: randomBytes(16).toString('hex'),
    WHATSAPP_VERIFY_TOKEN: randomBytes(16).toString('hex'),
    WHATSAPP_GRAPH_URL: `http://127.0.0.1:${ports.whatsapp}`,
    STRIPE_SECRET_KEY: 'sk_test_simulated',
    STRIPE_WEBHOOK_SECRET: `whsec_${randomBytes(16).toString('hex')}`,
    STRIPE_API_URL: `http://127.0.0.1:${ports.stripe}`,
    STRIPE_PRICE_STARTER: 'price_starter',
    STRIPE_PRICE_PRO: 'price_pro',
    LLM_BASE_URL: `http://127.0.0.1:${ports.model}/v1`,
    LLM_API_KEY: 'simulated',
    LLM_MODEL: 'simulated-1',
    LLM_FALLBACK_MODEL: 'simulated-2',
    LOG_FORMAT: 'pretty',
  }
}

async function freePorts() {
  for (;;) {
    const offset = OFFSETS.from + Math.floor(Math.random() * OFFSETS.count)
    const ports = Object.fromEntries(Object.entries(PORTS).map(([name, port]) => [name, port + offset]))
    const free = await Promise.all(Object.values(ports).map(isFree))
    if (free.every(Boolean)) return { offset, ...ports }
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function finished(child) {
  return new Promise((resolve, reject) => {
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (output += bytes))
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve(output) : reject(new Error(output))))
  })
}

function ended(child) {
  if (child.exitCode !== null) return undefined
  child.kill('SIGTERM')
  return new Promise((resolve) => child.once('exit', resolve))
}

async function control(port, what, body) {
  const answer = await fetch(`http://127.0.0.1:${port}/_sim/${what}`, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`the simulator refused ${what}: ${await answer.text()}`)
  return answer.json()
}

/** In development mails are files. Long lines are folded, and `=` is written as its number. */
async function mails(folder) {
  const names = await readdir(folder).catch(() => [])
  const whole = names.filter((name) => name.endsWith('.eml')).sort()
  const texts = await Promise.all(whole.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.map((text) => text.replace(/=\r?\n/g, '').replaceAll('=3D', '='))
}
