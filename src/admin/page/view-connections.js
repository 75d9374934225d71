/** Open connections, page by page; polled only while the view is visible. */

import { byId, setText, syncEmpty, syncRows } from './dom.js'
import { bytes, count, duration, place } from './format.js'
import { ask } from './poll.js'

const LIMIT = 25
const EVERY_MS = 2_000
const CLASSES = [
  'mono',
  'mono',
  'place',
  '',
  'number',
  'number nowrap',
  'number nowrap',
  'number nowrap',
  'number nowrap',
]

export class Connections {
  #form = byId('filter')
  #cursor = null
  #next = null
  #isOnScreen = false
  #isAsking = false
  #askedAt = Number.NEGATIVE_INFINITY

  constructor() {
    this.#form.addEventListener('submit', event => {
      event.preventDefault()
      this.#go(null)
    })
    byId('first').addEventListener('click', () => this.#go(null))
    byId('next').addEventListener('click', () => {
      if (this.#next !== null) this.#go(this.#next)
    })
    new IntersectionObserver(entries => {
      this.#isOnScreen = entries.at(-1).isIntersecting
    }).observe(byId('connections'))
  }

  show() {
    const isDue = performance.now() - this.#askedAt >= EVERY_MS - 100
    const isFirst = this.#askedAt < 0
    if (isFirst || (isDue && this.#isOnScreen && this.#form.elements.follow.checked)) void this.#ask()
  }

  #go(cursor) {
    this.#cursor = cursor
    void this.#ask()
  }

  async #ask() {
    if (this.#isAsking) return
    this.#isAsking = true
    this.#askedAt = performance.now()
    const query = new URLSearchParams({ limit: String(LIMIT) })
    for (const name of ['client', 'peer', 'endpoint', 'rule', 'generation', 'state']) {
      const value = this.#form.elements[name].value.trim()
      if (value !== '') query.set(name, value)
    }
    if (this.#cursor !== null) query.set('cursor', this.#cursor)
    try {
      this.#show(await ask(`/connections?${query}`))
    } catch (error) {
      setText(byId('connections-note'), `! ${error.message}`)
    }
    this.#isAsking = false
  }

  #show({ total, next, connections }) {
    this.#next = next
    // By aria-disabled, not by the attribute: the focus must stay on the last page.
    byId('next').setAttribute('aria-disabled', String(next === null))
    byId('first').setAttribute('aria-disabled', String(this.#cursor === null))
    const page = this.#cursor === null ? 'the first' : 'the next'
    setText(
      byId('connections-note'),
      `${count(total)} open in all. Shown: ${page} ${count(connections.length)}${next === null ? ', and no more after them' : ''}.`,
    )
    const body = byId('connection-rows')
    syncEmpty(
      body,
      connections.length === 0,
      total === 0 ? 'Nothing is open.' : 'Nothing that is open is like that.',
    )
    if (connections.length > 0) syncRows(body, connections, each => String(each.id), cellsOf, CLASSES)
  }
}

const cellsOf = each => [
  `${each.client ?? '–'}${each.peer === null ? '' : ` via ${each.peer}`}`,
  `${each.endpoint ?? '–'}${each.serverName === null ? '' : ` for ${each.serverName}`}`,
  each.rule ? place(each.rule) : each.outcome,
  each.state,
  String(each.generation),
  duration(each.ageMs / 1000),
  duration(each.idleMs / 1000),
  bytes(each.fromClientBytes),
  bytes(each.toClientBytes),
]
