/** The bench `ports` in small: connects are timed both ways, or it says what it lacks. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench } from '../../bench/harness.ts'
import { benchPorts } from '../../bench/ports.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

test('ports times connects by the number of taken ports', { skip: skip || fullOnly }, async () => {
  const bench = new Bench({ name: 'ports', scale: 'small', onGroup: () => {} })
  await benchPorts(bench)
  assert.deepEqual(bench.failures, [])
  if (bench.statements.length > 0) assert.match(bench.statements.join(), /not run without/)
  else assert.equal(bench.results.length, 8)
})
