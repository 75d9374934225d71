/** The bench `compile` in small: it runs, and its probe is answered before and during a reload. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchCompile } from '../../bench/compile.ts'
import { Bench } from '../../bench/harness.ts'
import { fullOnly } from '../support/full.ts'

test('compile measures health answers before and while compiling', { skip: fullOnly }, async () => {
  const bench = new Bench({ name: 'compile', scale: 'small', onGroup: () => {} })
  await benchCompile(bench)
  const names = bench.results.map(each => each.name)
  assert.ok(names.includes('before, p99') && names.includes('while compiling, p99'))
  assert.ok(bench.results.every(each => each.rounds.every(Number.isFinite)))
})
