import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LastMinute } from '../../src/stats/last-minute.ts'

test('what is older than a minute is not counted, and what came before the first mark is', () => {
  const minute = new LastMinute()
  assert.equal(minute.of('a', 5), 5)
  // A mark every ten seconds: one connection before each.
  for (let count = 1; count <= 20; count++) {
    minute.mark(new Map([['a', count]]))
    assert.equal(minute.of('a', count), Math.min(count, 6), `mark ${count}`)
  }
  assert.equal(minute.of('a', 25), 11)
})

test('a key that comes along begins at nought, and one that begins again is never below it', () => {
  const minute = new LastMinute()
  for (let count = 0; count < 8; count++) minute.mark(new Map([['a', 100]]))
  assert.equal(minute.of('b', 3), 3)
  assert.equal(minute.of('a', 2), 0)
})
