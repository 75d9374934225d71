/**
 * Elements, and tables that change only the cells that differ: focus and selection survive a
 * refresh.
 */

export const byId = id => document.getElementById(id)

/** An element with these properties and children; strings are text, never markup. */
export function h(name, properties, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue
    if (key === 'class') element.className = value
    else if (key.includes('-') || key === 'role' || key === 'scope') element.setAttribute(key, value)
    else element[key] = value
  }
  element.append(...children.filter(each => each !== null && each !== undefined))
  return element
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** Names and values: <dt>, <dd>. Writes only what changed. */
export function setFacts(list, facts) {
  const names = facts.map(([name]) => name).join('\n')
  if (list.dataset.names !== names) {
    list.dataset.names = names
    list.replaceChildren(...facts.map(([name]) => h('div', null, h('dt', null, name), h('dd'))))
  }
  facts.forEach(([, value], index) => {
    setText(list.children[index].lastElementChild, value)
  })
}

/**
 * One row per item, in their order, kept by key. A cell is a text, or `{ key, build }` for more
 * than text: rebuilt when its key changes. The first cell is the row's heading.
 */
export function syncRows(body, items, keyOf, cellsOf, classes = []) {
  const old = new Map([...body.rows].map(row => [row.dataset.key, row]))
  items.forEach((item, index) => {
    const key = keyOf(item)
    const cells = cellsOf(item)
    const row = old.get(key) ?? newRow(key, cells.length, classes)
    old.delete(key)
    cells.forEach((cell, column) => {
      setCell(row.cells[column], cell)
    })
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null)
  })
  for (const row of old.values()) row.remove()
}

function newRow(key, width, classes) {
  const row = h('tr')
  row.dataset.key = key
  for (let column = 0; column < width; column++) {
    const cell =
      column === 0 ? h('th', { scope: 'row', class: classes[column] }) : h('td', { class: classes[column] })
    row.append(cell)
  }
  return row
}

function setCell(cell, content) {
  if (typeof content === 'string') return setText(cell, content)
  if (cell.dataset.key === content.key) return
  cell.dataset.key = content.key
  cell.replaceChildren(...content.build())
}

/** The text of an empty table: a row over its whole width. */
export function syncEmpty(body, isEmpty, text) {
  if (!isEmpty) return
  const width = body.closest('table').tHead.rows[0].cells.length
  const row = h('tr', { class: 'empty' }, h('td', { colSpan: width }, text))
  row.dataset.key = ''
  if (body.rows[0]?.className !== 'empty' || body.textContent !== text) body.replaceChildren(row)
}
