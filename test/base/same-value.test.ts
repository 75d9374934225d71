/** Goal: two values of JSON are equal where node:util says so. */

import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { isSameValue } from '../../src/base/same-value.ts'
import { runs } from '../support/full.ts'

const json = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 0, 1, '', 'a'),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), tie('value'), { maxKeys: 3 }),
  ),
})).value

test('values of JSON are the same where node:util says so', () => {
  const parsed = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
  fc.assert(
    fc.property(json, json, (one, other) => {
      const [left, right] = [parsed(one), parsed(other)]
      equal(isSameValue(left, right), isDeepStrictEqual(left, right))
      equal(isSameValue(left, parsed(one)), true)
    }),
    { numRuns: runs(2000) },
  )
})

test('the order of fields does not count, a missing one does', () => {
  equal(isSameValue({ a: 1, b: [{}] }, { b: [{}], a: 1 }), true)
  for (const other of [{ a: 1 }, { a: 1, b: {} }, { a: 1, b: [], c: 1 }, { a: 1, c: [] }, [1, []], null])
    equal(isSameValue({ a: 1, b: [] }, other), false)
})
