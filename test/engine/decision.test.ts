/**
 * Goal: a copy of a decision is whole, whatever fields it will have. Method: a decision of which
 * each field has a value of its own.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyDecision, createDecision, type Decision } from '../../src/engine/decide/decision.ts'

test('a copy of a decision has all of its fields, and an address of its own', () => {
  const from = createDecision()
  const numbers = Object.keys(from).map((name, index) => [name, 1000 + index] as const)
  const own = numbers.filter(([name]) => name !== 'address' && name !== 'isProbe')
  Object.assign(from, Object.fromEntries(own) as Partial<Decision>, { isProbe: true })
  from.address.set([1, 2, 3, 4])
  const to = createDecision()
  copyDecision(from, to)
  assert.deepEqual(to, from)
  assert.notEqual(to.address, from.address)
})
