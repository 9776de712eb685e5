// The page's state and what happens on it: who one is, where one looks, and the news as they come.

import { api } from './api.js'
import { h } from './dom.js'
import { message } from './message.js'
import { encode } from './mrkdwn.js'
import { showDialog, showHome } from './surfaces.js'

/** Stands for the agent's home page where a channel's id would be. */
const HOME = 'home'
/** They travel as JSON. */
const FILE_BYTES_MAX = 4 * 1024 * 1024
const PAUSE_AFTER_ERROR_MS = 1_000
const $ = (id) => document.getElementById(id)

const place = Object.fromEntries(new URLSearchParams(location.hash.slice(1)))
let directory = { people: [], workspaces: [] }
let entries = []
let listening = new AbortController()

const workspace = () => directory.workspaces.find((one) => one.team === place.team) ?? directory.workspaces[0]
const handle = (name) => name.split(' ')[0].toLowerCase()
const bot = () => workspace().bot

const names = {
  user: (id) => (id === bot().user_id ? bot().name : (directory.people.find((one) => one.id === id)?.name ?? id)),
  handle: (id) => handle(names.user(id)),
  channel: (id) => workspace().channels.find((one) => one.id === id)?.name ?? id,
  userCalled: (word) => [{ id: bot().user_id, name: 'kona' }, { id: bot().user_id, name: bot().name }, ...directory.people]
    .find((one) => handle(one.name) === word.toLowerCase())?.id,
  channelCalled: (word) => workspace().channels.find((one) => one.name === word.toLowerCase())?.id,
}

async function attempt(work) {
  try {
    $('error').hidden = true
    return await work()
  } catch (error) {
    $('error').textContent = error.message
    $('error').hidden = false
  }
}

/** A line that only this person sees, among the messages. */
function whispered({ ts, ...line }) {
  const at = `${ts.slice(0, -6)}.${ts.slice(-6)}`
  return { ...line, ts, at, author: bot().user_id, author_name: bot().name, author_kind: 'bot', whisper: true, reactions: [] }
}

const at = (ts) => ({ team: place.team, channel: place.channel, ts })
const threadOf = (entry) => entry.thread_ts ?? entry.ts

const context = {
  names,
  get user() { return place.user },
  refresh: () => attempt(refresh),
  edit: (entry, text) => attempt(() => api.edit({ ...at(entry.ts), text: encode(text, names) })),
  remove: (entry) => attempt(() => api.remove(at(entry.ts))),
  press: (entry, action_id, value) => attempt(() => api.click({ ...at(entry.ts), user: place.user, action_id, value })),
}
const inChannel = { ...context, get user() { return place.user }, openThread: (entry) => go({ thread: threadOf(entry) }) }

function go(change) {
  Object.assign(place, change)
  // Slack says when somebody opens it: that is when an app writes it.
  if (change.channel === HOME) {
    const event_ts = (Date.now() / 1000).toFixed(6)
    attempt(() => api.event(place.team, { type: 'app_home_opened', user: place.user, channel: `D${place.user}`, tab: 'home', event_ts }))
  }
  const known = Object.entries(place).filter(([, value]) => value)
  history.replaceState(null, '', `#${new URLSearchParams(known)}`)
  attempt(async () => {
    await refresh()
    if (change.thread) $('compose-reply').querySelector('textarea').focus()
  })
}

function choices(select, options, chosen) {
  select.replaceChildren(...options.map(({ id, name }) => h('option', { value: id, selected: id === chosen }, name)))
}

function places(list, items) {
  list.replaceChildren(...items.map(({ id, label }) => h('li', null,
    h('button', { type: 'button', 'aria-current': id === place.channel && 'true', onclick: () => go({ channel: id, thread: '' }) }, label))))
}

function showSide() {
  choices($('team'), directory.workspaces.map((one) => ({ id: one.team, name: one.name })), place.team)
  choices($('user'), directory.people, place.user)
  const { channels } = workspace()
  const label = (one) => ({ id: one.id, label: `${one.kind === 'channel' ? '#' : '◇'} ${one.name}` })
  places($('channels'), channels.filter((one) => one.kind !== 'im').map(label))
  const own = `D${place.user}`
  const directs = channels.filter((one) => one.kind === 'im' && (one.person === place.user || one.id === place.channel))
  const ids = new Set([own, ...directs.map((one) => one.id)])
  places($('directs'), [...[...ids].map((id) => ({ id, label: id === own ? bot().name : `${bot().name} (${id})` })),
    { id: HOME, label: `${bot().name}: home page` }])
  const isAgents = place.channel === HOME || place.channel.startsWith('D')
  $('channel-name').textContent = isAgents ? bot().name : `# ${names.channel(place.channel)}`
  $('compose').hidden = place.channel === HOME
}

/** Keeps the reader's place, unless that was the end. */
function fill(list, items, empty, context) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40
  list.replaceChildren(...(items.length ? items.map((entry) => message(entry, context)) : [h('li', { class: 'empty' }, empty)]))
  if (atEnd) list.scrollTop = list.scrollHeight
}

async function showThread() {
  $('thread').hidden = !place.thread
  if (!place.thread) return
  const replies = entries.filter((entry) => entry.ts === place.thread || entry.thread_ts === place.thread)
  fill($('replies'), replies, 'Nothing here any more.', { ...context, get user() { return place.user } })
  const { status } = await api.status(place.team, place.channel, place.thread)
  $('status').textContent = status ? `${bot().name} ${status}` : ''
  $('stop').hidden = !status && !replies.some((entry) => entry.streaming === 'in_progress')
}

async function refresh() {
  if (document.querySelector('.editor')) return
  const { dialogs, home, whispers } = await api.surfaces(place.team, place.user)
  const pressHere = (channel) => (action_id, value) =>
    attempt(() => api.click({ team: place.team, channel, user: place.user, action_id, value }))
  const submit = (view_id, fields) => attempt(async () => {
    await api.submit({ team: place.team, user: place.user, view_id, fields })
    await refresh()
  })
  showDialog($('dialog'), dialogs, { names, press: pressHere(''), submit })
  if (place.channel === HOME) {
    showSide()
    $('thread').hidden = true
    return showHome($('messages'), home, { names, press: pressHere('') })
  }
  const lines = whispers.filter((line) => line.channel === place.channel).map(whispered)
  entries = [...(await api.transcript(place.team, place.channel)), ...lines]
    .sort((one, other) => (one.at ?? one.ts).localeCompare(other.at ?? other.ts))
  const replies = new Map()
  for (const { ts, thread_ts } of entries) {
    if (thread_ts && thread_ts !== ts) replies.set(thread_ts, (replies.get(thread_ts) ?? 0) + 1)
  }
  const top = entries.filter((entry) => !entry.thread_ts || entry.thread_ts === entry.ts)
  showSide()
  fill($('messages'), top.map((entry) => ({ ...entry, replies: replies.get(entry.ts) ?? 0 })),
    'Nothing here yet. In a channel, begin with @kona to speak to the agent.', inChannel)
  await showThread()
}

async function attached(file) {
  if (file.size > FILE_BYTES_MAX) throw new Error(`${file.name} is larger than this page can carry.`)
  return { name: file.name, mimetype: file.type, bytes: [...new Uint8Array(await file.arrayBuffer())] }
}

function composer(form, hint, send) {
  const field = h('textarea', { rows: 1, placeholder: hint, 'aria-label': hint })
  const chosen = h('input', { type: 'file', multiple: true, 'aria-label': 'Attach files' })
  form.append(field, chosen, h('button', { class: 'send' }, 'Send'))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const text = field.value.trim()
    attempt(async () => {
      const files = await Promise.all([...chosen.files].map(attached))
      if (text === '' && files.length === 0) return
      form.reset()
      await send(encode(text, names), files)
    })
  })
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    form.requestSubmit()
  })
}

async function say(text, files, thread_ts) {
  const { team, channel, user } = place
  const command = /^(\/\w+)\s*(.*)$/s.exec(text)
  if (command && !thread_ts) {
    await api.command({ team, channel, user, command: command[1], text: command[2] })
    return refresh()
  }
  const said = await api.say({ team, channel, user, text, thread_ts, files })
  // What speaks to the agent is answered in its thread: that is where to look.
  if (!thread_ts && (channel.startsWith('D') || text.includes(`<@${bot().user_id}>`))) go({ thread: said.thread_ts })
}

/** What Slack sends when somebody presses Stop. */
function stop() {
  const { team, user, channel, thread: thread_ts } = place
  const streaming = entries.filter((entry) => entry.thread_ts === thread_ts && entry.streaming === 'in_progress')
  const event_ts = (Date.now() / 1000).toFixed(6)
  const streaming_message_ts = streaming.map((entry) => entry.ts)
  return api.event(team, { type: 'agent_session_stopped', user, channel, thread_ts, streaming_message_ts, event_ts })
}

async function listen() {
  let after = directory.seq
  while (true) {
    try {
      const news = await api.news(place.team, after, listening.signal)
      $('connection').textContent = ''
      after = news.at(-1)?.seq ?? after
      if (news.some((entry) => entry.channel && !directory.workspaces.some((one) =>
        one.team === entry.team && one.channels.some((channel) => channel.id === entry.channel)))) await load()
      if (news.some((entry) => entry.channel === place.channel || entry.kind === 'view' || entry.kind === 'whisper')) await refresh()
    } catch (error) {
      if (listening.signal.aborted) listening = new AbortController()
      else {
        $('connection').textContent = 'The simulator does not answer; trying again …'
        await new Promise((resume) => setTimeout(resume, PAUSE_AFTER_ERROR_MS))
        await load().then(() => (after = Math.min(after, directory.seq))).catch(() => {})
      }
    }
  }
}

async function load() {
  directory = await api.directory()
  place.team = workspace().team
  place.user ||= directory.people[0].id
  place.channel ||= workspace().channels[0].id
}

function set_up() {
  composer($('compose'), 'Message', say)
  composer($('compose-reply'), 'Reply', (text, files) => say(text, files, place.thread))
  $('team').addEventListener('change', (event) => {
    place.team = event.target.value
    go({ channel: workspace().channels[0].id, thread: '' })
    listening.abort()
  })
  $('user').addEventListener('change', (event) => {
    const own = place.channel === `D${place.user}`
    go({ user: event.target.value, ...(own ? { channel: `D${event.target.value}`, thread: '' } : {}) })
  })
  $('new-channel').addEventListener('submit', (event) => {
    event.preventDefault()
    const id = new FormData(event.target).get('id')
    event.target.reset()
    attempt(async () => {
      await api.transcript(place.team, id)
      await load()
      go({ channel: id, thread: '' })
    })
  })
  $('close-thread').addEventListener('click', () => go({ thread: '' }))
  $('stop').addEventListener('click', () => attempt(() => stop()))
}

set_up()
await attempt(async () => {
  await load()
  await refresh()
})
listen()
