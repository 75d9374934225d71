// Goal: no connection can skip a state. Method: try every move and compare with the drawing.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { move, State } from '../../src/engine/decide/state.ts'

test('a connection makes exactly the moves in the drawing', () => {
  const drawing = [
    'Free Reading',
    'Reading Dialing',
    'Reading Closing',
    'Dialing Relaying',
    'Dialing Closing',
    'Relaying Dialing',
    'Relaying HalfClosed',
    'Relaying Closing',
    'HalfClosed Closing',
    'Closing Free',
  ]
  const made: string[] = []
  for (const [from, now] of Object.entries(State)) {
    for (const [to, next] of Object.entries(State)) {
      try {
        assert.equal(move(now, next), next)
        made.push(`${from} ${to}`)
      } catch (error) {
        assert.match(String(error), /bug in weir/)
      }
    }
  }
  assert.deepEqual(made.sort(), drawing.sort())
})
