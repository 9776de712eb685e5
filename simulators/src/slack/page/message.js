// One message, with what one can do to it.

import { blocks } from './blocks.js'
import { h } from './dom.js'
import { emoji, mrkdwn, typed } from './mrkdwn.js'

const clock = (ts) => new Date(Number(ts.split('.')[0]) * 1000)
  .toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** What Slack shows: the blocks if there are any, else the text. */
function body(entry, context) {
  const shown = entry.blocks?.length
    ? blocks(entry.blocks, { names: context.names, press: (...action) => context.press(entry, ...action) })
    : mrkdwn(entry.text ?? '', context.names)
  return h('div', { class: 'body', dir: 'auto' }, shown,
    entry.files?.map((name) => h('div', { class: 'box' }, `File: ${name}`)),
    entry.edited && entry.author_kind === 'person' && h('span', { class: 'edited' }, ' (edited)'))
}

function tools(entry, context, edit) {
  const own = entry.author === context.user && entry.author_kind === 'person'
  return h('div', { class: 'tools' },
    context.openThread && h('button', { type: 'button', onclick: () => context.openThread(entry) }, 'Reply'),
    own && h('button', { type: 'button', onclick: edit }, 'Edit'),
    own && h('button', { type: 'button', onclick: () => context.remove(entry) }, 'Delete'))
}

function reactions(entry, context) {
  if (!entry.reactions?.length) return null
  return h('div', { class: 'reactions' }, entry.reactions.map((one) =>
    h('span', { title: `:${one.name}: ${one.users.map(context.names.user).join(', ')}` }, `${emoji(one.name)} ${one.count}`)))
}

/** @param context what the page knows and can do; `openThread` only where threads can be opened. */
export function message(entry, context) {
  const bot = entry.author_kind === 'bot'
  const item = h('li', { class: `message${entry.streaming === 'in_progress' ? ' streaming' : ''}`, 'data-ts': entry.ts, tabindex: '-1' })
  const edit = () => {
    const field = h('textarea', { class: 'editor', 'aria-label': 'Edit the message', rows: 1 })
    field.value = typed(entry.text, context.names)
    field.addEventListener('keydown', (event) => {
      const done = event.key === 'Enter' && !event.shiftKey
      if (!done && event.key !== 'Escape') return
      event.preventDefault()
      // As long as somebody writes in it, the list stays as it is.
      field.remove()
      if (done) context.edit(entry, field.value)
      else context.refresh()
    })
    item.querySelector('.body').replaceWith(field)
    field.focus()
  }
  item.append(
    h('div', { class: `face${bot ? ' bot' : ''}`, 'aria-hidden': 'true' }, entry.author_name.slice(0, 1)),
    h('div', null,
      h('div', null, h('span', { class: 'who' }, entry.author_name), bot && h('span', { class: 'tag' }, 'APP'),
        h('time', { class: 'when', title: entry.ts }, clock(entry.at ?? entry.ts)),
        entry.whisper && h('span', { class: 'edited' }, ' only visible to you')),
      body(entry, context),
      reactions(entry, context),
      context.openThread && entry.replies > 0 &&
        h('button', { type: 'button', class: 'replies-link', onclick: () => context.openThread(entry) },
          entry.replies === 1 ? '1 reply' : `${entry.replies} replies`)),
    entry.whisper ? '' : tools(entry, context, edit))
  return item
}
