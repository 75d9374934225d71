/**
 * The bench `readings` in small: every kind is relayed by every proxy, and compared with the
 * others.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench } from '../../bench/harness.ts'
import { KINDS } from '../../bench/readings/kinds.ts'
import { benchReadings } from '../../bench/readings.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

test('readings compares every kind with a plain connection', { skip: skip || fullOnly }, async () => {
  const bench = new Bench({ name: 'readings', scale: 'small', onGroup: () => {} })
  await benchReadings(bench)
  const names = bench.results.flatMap(({ group, name }) => (group.endsWith(': time for each') ? [name] : []))
  for (const { name } of KINDS) assert.ok(names.includes(`weir, uring, ${name}`), name)
  const compared = bench.results.filter(({ group }) => group.endsWith('CPU beside a plain connection'))
  assert.ok(compared.length >= 2 * (KINDS.length - 1))
  for (const { group, name, rounds } of bench.results) {
    assert.ok(rounds.length > 0 && rounds.every(Number.isFinite), `${group}: ${name}`)
    assert.doesNotMatch(group, /: failed/)
  }
})
