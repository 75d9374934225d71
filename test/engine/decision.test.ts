/**
 * Goal: a copy of a decision is whole, and an arrival that is used again is like a new one,
 * whatever fields they will have. Method: objects of which each field has a value of its own.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arrivals } from '../../src/engine/decide/arrival.ts'
import { copyDecision, createDecision, type Decision } from '../../src/engine/decide/decision.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable } from '../../src/table/format/table.ts'
import { planOf } from '../support/engine.ts'

/** Set before each use: with `peerFamily`, and where reading begins. */
const SET_LATER = new Set(['peerPort', 'reader', 'taken'])

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

test('an arrival that is used again has nothing of the connection before', () => {
  const table = openTable(buildTable(planOf([], []), 1, () => 0))
  const arrivals = new Arrivals()
  const fresh = arrivals.take(table, 0, 5)
  const scalars = (): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(fresh).filter(([name, value]) => typeof value === 'number' && !SET_LATER.has(name)),
    )
  const before = scalars()
  for (const name of Object.keys(before)) Object.assign(fresh, { [name]: 7 })
  arrivals.give(fresh)
  assert.equal(arrivals.take(table, 0, 5), fresh)
  assert.deepEqual(scalars(), before)
})
