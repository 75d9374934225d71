/**
 * The bench `admin` in small: every figure is there and is a number. Never how long anything takes.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchAdmin } from '../../bench/admin.ts'
import { Bench } from '../../bench/harness.ts'
import { fullOnly } from '../support/full.ts'

test('admin measures the turns of the main thread, for each endpoint', { skip: fullOnly }, async () => {
  const bench = new Bench({ name: 'admin', scale: 'small', onGroup: () => {} })
  await benchAdmin(bench)
  assert.deepEqual(bench.failures, [])
  assert.equal(bench.results.length, 12)
  assert.ok(bench.results.every(each => each.rounds.every(Number.isFinite)))
})
