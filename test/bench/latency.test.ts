/** The bench `latency` in small: three loads, each with a verdict. Never how fast anyone is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PEERS, QUICK } from '../../bench/engines/contenders.ts'
import { Bench } from '../../bench/harness.ts'
import { benchLatency } from '../../bench/latency.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

test('latency measures the quick contenders at three loads', { skip: skip || fullOnly }, async () => {
  const bench = new Bench({ name: 'latency', scale: 'small', onGroup: () => {} })
  await benchLatency(bench)
  const groups = bench.results
    .filter(({ group, name }) => group.endsWith(': p99') && QUICK.some(each => name === `${each}, added`))
    .map(({ group }) => Number(/\d+/.exec(group)))
  const loads = [...new Set(groups)]
  assert.equal(loads.length, 3)
  const [quarter, half, threeQuarters] = loads
  assert.ok(quarter < half && half < threeQuarters, `${loads}`)
  const left = (name: string): boolean =>
    bench.statements.some(each => each.startsWith(`${name} is left out`))
  if (PEERS.every(left)) return
  const verdicts = bench.statements.filter(each => each.includes('p99 of weir, uring'))
  assert.equal(verdicts.length, 3)
})
