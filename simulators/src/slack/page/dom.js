// Elements from data. Text only ever becomes text: nothing here, or in the files that use it, writes HTML.

/** `h('a', { href: '…', onclick }, 'text', child)`; properties that are null, undefined or false are left out. */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/** A link only where a browser may go; anything else (`javascript:`, `data:`) is shown as text. */
export function link(address, ...label) {
  const allowed = /^(https?:\/\/|mailto:|tel:)/i.test(address)
  return allowed
    ? h('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, ...label)
    : h('span', { title: address }, ...label)
}
