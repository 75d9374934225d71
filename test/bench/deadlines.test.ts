/** The bench `deadlines` in small: wheel and sweep find the same. Never how much either costs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchDeadlines } from '../../bench/deadlines.ts'
import { Bench } from '../../bench/harness.ts'
import { fullOnly } from '../support/full.ts'

test('deadlines measures wheel and sweep at the same work', { skip: fullOnly }, () => {
  const bench = new Bench({ name: 'deadlines', scale: 'small', onGroup: () => {} })
  benchDeadlines(bench)
  const found = bench.results.map(({ name, checksum }) => [name, checksum])
  assert.deepEqual(new Set(found.map(([name]) => name)), new Set(['wheel', 'sweep']))
  assert.equal(new Set(found.map(([, checksum]) => checksum)).size, 1)
})
