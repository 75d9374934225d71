/** The current state: open connections, and rates per second, each with its last ten minutes. */

import { Chart } from './chart.js'
import { byId, h, setText } from './dom.js'
import { bytes, count, rate } from './format.js'

const TILES = [
  {
    name: 'Open connections',
    field: 'open',
    colour: 's1',
    value: ({ summary }) => count(summary.counters.open),
    below: ({ summary }) => `${count(summary.counters.accepted)} accepted since the start`,
  },
  {
    name: 'New connections',
    field: 'rate',
    colour: 's3',
    unit: '/s',
    value: (_answer, history) => rate(history.rate(each => each.summary.counters.accepted)),
    below: (_answer, history) => {
      const failed = history.rate(each => each.summary.counters.dialFailures)
      return failed === null ? 'failed dials: –' : `failed dials: ${rate(failed)} /s`
    },
  },
  {
    name: 'From clients',
    field: 'from',
    colour: 's2',
    unit: '/s',
    value: (_answer, history) => bytes(history.rate(each => each.summary.counters.clientBytes)),
    below: ({ summary }) => `${bytes(summary.counters.clientBytes)} since the start`,
  },
  {
    name: 'To clients',
    field: 'to',
    colour: 's4',
    unit: '/s',
    value: (_answer, history) => bytes(history.rate(each => each.summary.counters.upstreamBytes)),
    below: ({ summary }) => `${bytes(summary.counters.upstreamBytes)} since the start`,
  },
]

export class Now {
  #tiles = TILES.map(tile => {
    const value = h('span', { class: 'value' }, '–')
    const below = h('p', { class: 'note' })
    const chart = h('div', { class: 'spark' })
    const unit = tile.unit ? h('span', { class: 'unit' }, tile.unit) : null
    byId('tiles').append(
      h(
        'article',
        { class: 'card tile' },
        h('h3', null, tile.name),
        h('p', { class: 'figure' }, value, unit),
        below,
        chart,
      ),
    )
    const look = { height: 44, bare: true, format: String, lines: [{ name: tile.name, colour: tile.colour }] }
    return { ...tile, elements: { value, below }, chart: new Chart(chart, look) }
  })

  show(answer, history) {
    const { times } = history
    for (const { name, field, value, below, elements, chart } of this.#tiles) {
      const words = value(answer, history)
      setText(elements.value, words)
      setText(elements.below, below(answer, history))
      chart.draw(times, [history.column(field)], [], `${name}, the last ten minutes; now ${words}`)
    }
  }
}
