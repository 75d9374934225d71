/**
 * Goal: long work lets others have their turn, and is done in the order in which it was asked for.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atTurn, inTurns } from '../../src/base/turns.ts'

test('each has a turn of its own, in order, with the loop going round in between', async () => {
  const order: string[] = []
  const around = () => {
    order.push('loop')
    if (order.filter(each => each !== 'loop').length < 3) setImmediate(around)
  }
  const done = Promise.withResolvers<void>()
  atTurn(() => order.push('a'))
  atTurn(() => order.push('b'))
  atTurn(() => {
    order.push('c')
    done.resolve()
  })
  setImmediate(around)
  await done.promise
  assert.deepEqual(
    order.filter(each => each !== 'loop'),
    ['a', 'b', 'c'],
  )
  assert.deepEqual(order, ['a', 'loop', 'b', 'loop', 'c'])
})

test('long work is left and gone on with, and what it throws rejects', async () => {
  let turns = 0
  let isDone = false
  const count = (): void => {
    turns++
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  function* work() {
    for (let piece = 0; piece < 5; piece++) {
      const until = performance.now() + 5
      while (performance.now() < until);
      yield
    }
    return 'done'
  }
  assert.equal(await inTurns(work()), 'done')
  isDone = true
  assert.ok(turns >= 4, `${turns} turns`)
  await assert.rejects(
    inTurns(
      (function* (): Generator<void, void> {
        yield
        throw new Error('within')
      })(),
    ),
    /within/,
  )
})
