/** The bench `kubernetes` in small: it runs, and finds what is the same on every machine. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench } from '../../bench/harness.ts'
import { benchKubernetes } from '../../bench/kubernetes.ts'
import { fullOnly } from '../support/full.ts'

test('kubernetes follows changes and a start, and asks for nothing twice', { skip: fullOnly }, async () => {
  const bench = new Bench({ name: 'kubernetes', scale: 'small', onGroup: () => {} })
  await benchKubernetes(bench)
  const found = new Map(bench.results.map(({ name, rounds }) => [name, rounds[0]]))
  assert.equal(found.get('lists after the start'), 0)
  assert.equal(found.get('watches'), found.get('requests until it serves'))
})
