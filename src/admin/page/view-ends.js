/** Why connections ended: each reason that occurred, explained, with its count and rate. */

import { byId, h, setText, syncEmpty, syncRows } from './dom.js'
import { count, rate } from './format.js'
import { ask } from './poll.js'

/** Ends in which nothing went wrong. */
const IN_ORDER = new Set(['client-closed', 'upstream-closed', 'drain'])
const RATE_S = 30

export class Ends {
  #words = null

  async show({ summary }, history) {
    const all = Object.values(summary.closed).reduce((sum, each) => sum + each, 0)
    const found = Object.entries(summary.closed)
      .filter(([, times]) => times > 0)
      .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    setText(
      byId('ends-note'),
      `${count(all)} have ended, each for one reason. Rates are over ${RATE_S} seconds.`,
    )
    const body = byId('reasons')
    syncEmpty(body, found.length === 0, 'None has ended yet.')
    if (found.length > 0)
      syncRows(
        body,
        found,
        ([name]) => name,
        ([name, times]) => this.#cells(name, times, history),
        ['', 'number', 'number'],
      )
    this.#words ??= ask('/reasons').then(
      ({ reasons }) => {
        this.#words = reasons
      },
      () => {
        this.#words = null
      },
    )
  }

  #cells(name, times, history) {
    const words = this.#words?.[name] ?? ''
    return [
      {
        key: `${name} ${words}`,
        build: () =>
          [
            h('code', null, name),
            IN_ORDER.has(name) ? null : h('span', { class: 'tag' }, 'not in order'),
            h('span', { class: 'sub words' }, words),
          ].filter(each => each !== null),
      },
      rate(history.rate(each => each.summary.closed[name], RATE_S)),
      count(times),
    ]
  }
}
