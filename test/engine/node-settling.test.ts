/**
 * Goal: a connection settles once, if it lasts, and never after its end. Method: the periods are
 * the mocked timer's.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Settling } from '../../src/engine/node/settling.ts'

test('one that lasts settles after one to two periods, and one that ends before never does', t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const settling = new Settling()
  const settled: string[] = []
  const named = (name: string) => ({ settle: () => void settled.push(name) })
  const [first, brief, late, lost] = ['first', 'brief', 'late', 'lost'].map(named)
  settling.add(first)
  settling.add(brief)
  settling.add(lost)
  settling.delete(brief)
  t.mock.timers.tick(500)
  settling.add(late)
  settling.delete(lost)
  assert.deepEqual(settled, [])
  t.mock.timers.tick(500)
  assert.deepEqual(settled, ['first'])
  t.mock.timers.tick(1_000)
  assert.deepEqual(settled, ['first', 'late'])
  settling.delete(first)
  settling.end()
})
