/** Dial latencies of endpoints. */

import { Chart } from './chart.js'
import { byId, setFacts } from './dom.js'
import { count, micros } from './format.js'

const LINES = [
  { field: 'p50', name: 'Median', colour: 's1', letter: '50' },
  { field: 'p90', name: '90 %', colour: 's3', letter: '90' },
  { field: 'p99', name: '99 %', colour: 's2', letter: '99' },
]

export class Latency {
  #chart = new Chart(byId('latency-chart'), { height: 220, format: micros, lines: LINES })

  show(_answer, history) {
    const now = history.points.at(-1)
    setFacts(byId('percentiles'), [
      ...LINES.map(({ field, name }) => [name, micros(now[field])]),
      ['Dials', count(now.dials)],
    ])
    const words = LINES.map(({ field, name }) => `${name} ${micros(now[field])}`).join(', ')
    const columns = LINES.map(({ field }) => history.column(field))
    this.#chart.draw(
      history.times,
      columns,
      history.marks,
      `Connect latency over the last ten minutes. Now: ${words}`,
    )
  }
}
