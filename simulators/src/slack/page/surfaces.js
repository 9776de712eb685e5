// What a person has in front of them beside messages: dialogs, and the agent's home page.

import { blocks } from './blocks.js'
import { h } from './dom.js'

const plain = (text) => text?.text ?? ''

function field({ element = {} }) {
  const properties = { name: element.action_id, placeholder: plain(element.placeholder) }
  if (element.type === 'static_select') {
    return h('select', properties, (element.options ?? []).map((option) => h('option', { value: option.value }, plain(option.text))))
  }
  const input = h(element.multiline ? 'textarea' : 'input', properties)
  input.value = element.initial_value ?? ''
  return input
}

function input(block, errors) {
  return h('label', { 'data-block': block.block_id }, plain(block.label), field(block),
    block.hint && h('small', null, plain(block.hint)),
    errors?.[block.block_id] && h('strong', { class: 'wrong' }, errors[block.block_id]))
}

/** Shows the newest dialog, or none. What is being filled in stays as it is. */
export function showDialog(place, dialogs, context) {
  const dialog = dialogs.at(-1)
  const shown = dialog ? JSON.stringify(dialog) : ''
  if (place.dataset.shown === shown) return
  place.dataset.shown = shown
  if (!dialog) return place.close()
  const { view, errors, id } = dialog
  const form = h('form', null, h('h2', null, plain(view.title)),
    (view.blocks ?? []).map((block) => (block.type === 'input' ? input(block, errors) : blocks([block], context))),
    h('footer', null,
      h('button', { type: 'button', onclick: () => place.close() }, plain(view.close) || 'Cancel'),
      view.submit && h('button', { class: 'send' }, plain(view.submit))))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const values = [...form.querySelectorAll('[data-block]')].map((label) => {
      const { name, value } = label.querySelector('[name]')
      return [label.dataset.block, name, value]
    })
    context.submit(id, values)
  })
  place.replaceChildren(form)
  if (!place.open) place.showModal()
}

/** The agent's home page, as it published it for this person. */
export function showHome(list, home, context) {
  list.replaceChildren(home
    ? h('li', { class: 'home' }, blocks(home.blocks ?? [], context))
    : h('li', { class: 'empty' }, 'The agent has published no home page for you yet.'))
}
