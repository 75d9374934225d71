/**
 * The bench `filter` in small: workers with and without filters relay, and its report names both.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchFilter } from '../../bench/filter.ts'
import { Bench } from '../../bench/harness.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

test('filter says what filters cost, beside what nothing costs', { skip: skip || fullOnly }, async () => {
  const bench = new Bench({ name: 'filter', scale: 'small', onGroup: () => {} })
  await benchFilter(bench)
  assert.equal(bench.statements.length, 3)
  for (const each of bench.statements)
    assert.match(each, /: CPU [\d.]+ times with filters, [\d.]+ times without them again$/)
})
