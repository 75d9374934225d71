/**
 * Goal: endpoints get connections by their weights, also while connections stay open, and from the
 * files on. Method: delivered shares against a naive scheduler like Envoy's (earliest deadline
 * first, by weight / (open + 1)), over random weights; the seeds are fixed.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom, nextBelow } from '../../src/base/random.ts'
import { chooseEndpoint, countOpen } from '../../src/engine/decide/balance.ts'
import { createStats, openStats } from '../../src/stats/stats.ts'
import { slotAt } from '../../src/table/format/endpoints.ts'
import { Endpoint } from '../../src/table/format/endpoints-layout.ts'
import { clusterOf, planOf } from '../support/engine.ts'
import { istio, planOf as plannedFrom } from '../support/resources.ts'
import { tableOf } from '../support/tables.ts'

const DRAWS = 20_000
const BALANCES = ['LEAST_REQUEST', 'ROUND_ROBIN', 'RANDOM'] as const

/** Envoy's scheduler: the earliest deadline wins, and comes again after 1 / its weight now. */
class EarliestDeadline {
  readonly #due: number[]
  readonly #weightNow: (index: number) => number

  constructor(count: number, weightNow: (index: number) => number) {
    this.#weightNow = weightNow
    this.#due = Array.from({ length: count }, (_, index) => 1 / weightNow(index))
  }

  pick(): number {
    const index = this.#due.indexOf(Math.min(...this.#due))
    this.#due[index] += 1 / this.#weightNow(index)
    return index
  }
}

/** Shares of `DRAWS` connections of which the last `open` stay open, by whoever picks. */
function sharesOf(
  weights: readonly number[],
  open: number,
  pick: () => number,
  count: (index: number, change: 1 | -1) => void,
): number[] {
  const got = weights.map(() => 0)
  const held: number[] = []
  for (let draw = 0; draw < DRAWS; draw++) {
    const index = pick()
    got[index]++
    held.push(index)
    count(index, 1)
    const oldest = held.length > open ? held.shift() : undefined
    if (oldest !== undefined) count(oldest, -1)
  }
  return got.map(each => each / DRAWS)
}

for (const balance of BALANCES)
  test(`${balance}: shares are those of Envoy's scheduler, with few connections open and with many`, () => {
    const random = createRandom(3, 1, 4)
    for (let round = 0; round < 12; round++) {
      const weights = Array.from({ length: 2 + nextBelow(random, 4) }, () => 1 + nextBelow(random, 9))
      const open = [0, 1, 60][round % 3]
      const targets = weights.map((weight, index) => ({ address: '127.0.0.1', port: 1000 + index, weight }))
      const table = tableOf(planOf([], [clusterOf(targets, { balance })]))
      const stats = openStats(createStats(1))
      const balancer = { stats, worker: 0, random, nowMs: () => 0 }
      const actual = sharesOf(
        weights,
        open,
        () => chooseEndpoint(balancer, table, 0, [], 0),
        (index, change) => countOpen(balancer, slotAt(table.endpoints, index * Endpoint.WORDS), change),
      )
      const opened = weights.map(() => 0)
      const byLoad = balance === 'LEAST_REQUEST'
      const edf = new EarliestDeadline(
        weights.length,
        index => weights[index] / (byLoad ? opened[index] + 1 : 1),
      )
      const expected = sharesOf(
        weights,
        open,
        () => edf.pick(),
        (index, change) => {
          opened[index] += change
        },
      )
      // The scheduler looks at the load when an endpoint was picked last, weir now.
      const tolerance = byLoad && open > 0 ? 0.05 : 0.015
      for (const [index, share] of actual.entries())
        assert.ok(
          Math.abs(share - expected[index]) < tolerance,
          `${weights} with ${open} open: ${share}, not ${expected[index]}`,
        )
    }
  })

test('weights of endpoints and of WorkloadEntries arrive; none and 0 are 1', () => {
  const ports = [{ number: 80, name: 'tcp', protocol: 'TCP' }]
  const entry = (name: string, address: string, weight?: number) =>
    istio('WorkloadEntry', `a/${name}`, {
      address,
      labels: { app: 'w' },
      ...(weight === undefined ? {} : { weight }),
    })
  const { plan } = plannedFrom([
    istio('ServiceEntry', 'a/listed', {
      hosts: ['listed.com'],
      addresses: ['10.9.0.1'],
      ports,
      resolution: 'STATIC',
      endpoints: [
        { address: '10.0.0.1', weight: 5 },
        { address: '10.0.0.2', weight: 0 },
        { address: '10.0.0.3' },
        { address: '10.0.0.4', weight: 2 ** 32 - 1 },
      ],
    }),
    istio('ServiceEntry', 'a/selected', {
      hosts: ['selected.com'],
      addresses: ['10.9.0.2'],
      ports,
      resolution: 'STATIC',
      workloadSelector: { labels: { app: 'w' } },
    }),
    entry('one', '10.0.1.1', 7),
    entry('two', '10.0.1.2', 0),
    entry('three', '10.0.1.3'),
  ])
  const weightsOf = (host: string) =>
    Object.fromEntries(
      plan.clusters
        .filter(each => each.host === host)
        .flatMap(each => each.endpoints.map(({ address, weight }) => [address, weight])),
    )
  assert.deepEqual(weightsOf('listed.com'), {
    '10.0.0.1': 5,
    '10.0.0.2': 1,
    '10.0.0.3': 1,
    '10.0.0.4': 2 ** 32 - 1,
  })
  assert.deepEqual(weightsOf('selected.com'), { '10.0.1.1': 7, '10.0.1.2': 1, '10.0.1.3': 1 })
})
