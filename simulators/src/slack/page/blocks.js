// Blocks as elements. What is not known here is shown as a plain box with its JSON: nothing an agent sends is hidden.

import { h, link } from './dom.js'
import { emoji, mrkdwn } from './mrkdwn.js'

const plain = (text) => (typeof text === 'string' ? text : (text?.text ?? ''))

function said(text, names) {
  return text?.type === 'plain_text' ? [text.text ?? ''] : mrkdwn(plain(text), names)
}

function box(block) {
  return h('details', { class: 'box' }, h('summary', null, `${block?.type ?? 'unknown'} block`),
    h('pre', null, JSON.stringify(block, null, 2)))
}

/** Pictures lie elsewhere, and this page asks nobody: the description must do. */
const picture = (image) => link(image.image_url ?? '', `🖼 ${image.alt_text ?? 'picture'}`)

function element(one, context) {
  if (one.type === 'button') {
    if (one.url) return link(one.url, plain(one.text))
    return h('button', { type: 'button', class: one.style, onclick: () => context.press(one.action_id, one.value) }, plain(one.text))
  }
  if (one.type === 'feedback_buttons') {
    return h('span', { class: 'actions' }, ['positive_button', 'negative_button'].map((side) =>
      one[side] && h('button', { type: 'button', onclick: () => context.press(one.action_id, one[side].value) },
        `${side === 'positive_button' ? '👍' : '👎'} ${plain(one[side].text)}`)))
  }
  if (one.type === 'icon_button') {
    return h('button', { type: 'button', onclick: () => context.press(one.action_id, one.value) }, plain(one.text) || one.icon)
  }
  if (one.type === 'static_select') {
    const choose = (event) => {
      const option = one.options[event.target.selectedIndex - 1]
      if (option) context.press(one.action_id, option.value)
    }
    return h('select', { onchange: choose }, h('option', null, plain(one.placeholder) || 'Choose …'),
      (one.options ?? []).map((option) => h('option', null, plain(option.text))))
  }
  if (one.type === 'image') return picture(one)
  if (one.type === 'mrkdwn' || one.type === 'plain_text') return h('span', null, said(one, context.names))
  return box(one)
}

function richPiece(piece, names) {
  const style = (text) => {
    let shown = text
    for (const [name, tag] of [['bold', 'strong'], ['italic', 'em'], ['strike', 's'], ['code', 'code']]) {
      if (piece.style?.[name]) shown = h(tag, null, shown)
    }
    return shown
  }
  const ref = (text) => h('span', { class: 'ref' }, text)
  switch (piece.type) {
    case 'text': return style(piece.text ?? '')
    case 'link': return link(piece.url ?? '', style(piece.text || piece.url))
    case 'user': return ref(`@${names.user(piece.user_id)}`)
    case 'channel': return ref(`#${names.channel(piece.channel_id)}`)
    case 'usergroup': return ref(`@${piece.usergroup_id}`)
    case 'broadcast': return ref(`@${piece.range}`)
    case 'emoji': return emoji(piece.name ?? '')
    case 'date': return piece.fallback ?? ''
    default: return piece.text ?? piece.value ?? ''
  }
}

function rich(part, names) {
  const pieces = (part.elements ?? []).map((piece) => piece.elements ? rich(piece, names) : richPiece(piece, names))
  if (part.type === 'rich_text_list') {
    return h(part.style === 'ordered' ? 'ol' : 'ul', null, pieces.map((piece) => h('li', null, piece)))
  }
  if (part.type === 'rich_text_quote') return h('blockquote', null, pieces)
  if (part.type === 'rich_text_preformatted') return h('pre', null, pieces)
  return h('span', null, pieces)
}

const cell = (one, names) => h('td', null, one.elements ? one.elements.map((part) => rich(part, names)) : String(one.text ?? one.value ?? ''))

const KINDS = {
  section: (block, context) => [
    block.text && h('div', null, said(block.text, context.names)),
    block.fields && h('div', { class: 'fields' }, block.fields.map((field) => h('div', null, said(field, context.names)))),
    block.accessory && element(block.accessory, context),
  ],
  header: (block) => h('h3', null, plain(block.text)),
  divider: () => h('hr'),
  markdown: (block, context) => mrkdwn(plain(block.text), context.names),
  context: (block, context) => h('div', { class: 'context' }, (block.elements ?? []).map((one) => element(one, context))),
  actions: (block, context) => h('div', { class: 'actions' }, (block.elements ?? []).map((one) => element(one, context))),
  image: (block) => picture(block),
  rich_text: (block, context) => (block.elements ?? []).map((part) => rich(part, context.names)),
  table: (block, context) => h('table', null, (block.rows ?? []).map((row) => h('tr', null, row.map((one) => cell(one, context.names))))),
}
KINDS.context_actions = KINDS.actions

/** @param context `{ names, press(action_id, value) }` */
export function blocks(list, context) {
  return list.map((block) => {
    let shown
    try {
      shown = KINDS[block.type]?.(block, context) ?? box(block)
    } catch {
      shown = box(block)
    }
    return h('div', { class: 'block' }, shown)
  })
}
