/**
 * The bench `connections` in small: every number of rules and workers is measured, and nothing
 * fails.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchConnections } from '../../bench/connections.ts'
import { Bench } from '../../bench/harness.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

test('connections measures each number of rules and of workers', { skip: skip || fullOnly }, async () => {
  const bench = new Bench({ name: 'connections', scale: 'small', onGroup: () => {} })
  await benchConnections(bench)
  const time = bench.results.filter(({ group }) => group.endsWith(': time for each'))
  const setups = ['1 rule, 1 worker', '20 rules, 1 worker', '1 rule, 2 workers', '20 rules, 2 workers']
  assert.deepEqual(
    time.map(({ name }) => name),
    setups,
  )
  const grown = bench.results.filter(({ group }) => group.endsWith(': CPU beside 1 rule'))
  assert.deepEqual(
    grown.map(({ name }) => name),
    setups.filter(name => name.startsWith('20')),
  )
  for (const { group, name, rounds } of bench.results) {
    assert.ok(rounds.length > 0 && rounds.every(Number.isFinite), `${group}: ${name}`)
    assert.doesNotMatch(group, /: failed/)
  }
})
