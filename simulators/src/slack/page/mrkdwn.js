// Slack's mark-up as elements: as much of it as a chat needs. The names of people and channels come from the caller.

import { h, link } from './dom.js'

const EMOJIS = {
  '+1': '👍', '-1': '👎', thumbsup: '👍', thumbsdown: '👎', eyes: '👀', wave: '👋', heart: '❤️', tada: '🎉', rocket: '🚀',
  white_check_mark: '✅', heavy_check_mark: '✔️', x: '❌', warning: '⚠️', pray: '🙏', raised_hands: '🙌', fire: '🔥',
  smile: '😄', slightly_smiling_face: '🙂', thinking_face: '🤔', hourglass_flowing_sand: '⏳', speech_balloon: '💬',
  calendar: '📅', question: '❓', bulb: '💡', memo: '📝', octagonal_sign: '🛑',
}
const INLINE =
  /`([^`\n]+)`|<([^<>\n]+)>|\[([^\]\n]+)\]\((https?:[^\s)]+)\)|\*\*(\S(?:[^\n]*?\S)?)\*\*|(?<![\p{L}\p{N}])([*_~])(?!\s)((?:(?!\6)[^\n])+?)(?<!\s)\6(?![\p{L}\p{N}])|:([a-z0-9_+-]+):/gu

export const emoji = (name) => EMOJIS[name.split('::')[0]] ?? `:${name}:`

const decode = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')

/** As Slack's own client sends what a person typed: three characters escaped, names turned into references. */
export function encode(typed, names) {
  const text = typed.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return text.replace(/(^|\s)([@#])([\p{L}\p{N}._-]+)/gu, (all, before, sign, word) => {
    const id = sign === '@' ? names.userCalled(word) : names.channelCalled(word)
    if (!id) return all
    return sign === '@' ? `${before}<@${id}>` : `${before}<#${id}|${word}>`
  })
}

/** The reverse, for the field in which a message is edited. */
export const typed = (text, names) => decode(text.replace(/<([@#])([A-Z0-9]+)(?:\|[^>]*)?>/g, (_, sign, id) =>
  sign + (sign === '@' ? names.handle(id) : names.channel(id))))

function reference(inside, names) {
  const [target, label] = inside.split(/\|(.*)/s)
  if (target.startsWith('@')) return h('span', { class: 'ref' }, `@${decode(label || names.user(target.slice(1)))}`)
  if (target.startsWith('#')) return h('span', { class: 'ref' }, `#${decode(label || names.channel(target.slice(1)))}`)
  if (target.startsWith('!')) return h('span', { class: 'ref' }, decode(label || `@${target.slice(1).split('^')[0]}`))
  return link(decode(target), decode(label || target))
}

function inline(text, names) {
  const found = []
  let from = 0
  for (const match of text.matchAll(INLINE)) {
    found.push(decode(text.slice(from, match.index)))
    from = match.index + match[0].length
    const [all, code, inside, label, address, strong, mark, marked, name] = match
    if (code !== undefined) found.push(h('code', null, decode(code)))
    else if (inside !== undefined) found.push(reference(inside, names))
    else if (address !== undefined) found.push(link(decode(address), decode(label)))
    else if (strong !== undefined) found.push(h('strong', null, inline(strong, names)))
    else if (mark !== undefined) {
      found.push(h({ '*': 'strong', _: 'em', '~': 's' }[mark], null, inline(marked, names)))
    } else found.push(emoji(name) || all)
  }
  found.push(decode(text.slice(from)))
  return found.filter((part) => part !== '')
}

function line(text, names) {
  const heading = /^#{1,6} (.*)/.exec(text)
  if (heading) return [h('strong', null, inline(heading[1], names))]
  return inline(text.replace(/^(\s*)[-*] /, '$1• '), names)
}

function paragraphs(text, names) {
  const found = []
  let quote = null
  const lines = text.split('\n')
  lines.forEach((one, index) => {
    const quoted = /^(?:&gt;|>) ?(.*)/s.exec(one)
    if (quoted) {
      if (!quote) found.push((quote = h('blockquote')))
      else quote.append(h('br'))
      quote.append(...inline(quoted[1], names))
      return
    }
    quote = null
    found.push(...line(one, names))
    if (index < lines.length - 1) found.push(h('br'))
  })
  return found
}

/** @returns the elements and strings to append. */
export function mrkdwn(text, names) {
  // An open fence runs to the end: that is what half of a streamed answer looks like.
  return text.split(/```(?:[a-z]*\n)?([\s\S]*?)(?:```\n?|$(?![\s\S]))/).flatMap((part, index) => {
    if (index % 2 === 1) return part === '' ? [] : [h('pre', null, decode(part.replace(/\n$/, '')))]
    return part === '' ? [] : paragraphs(part, names)
  })
}
