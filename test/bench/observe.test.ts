/**
 * The bench `observe` in small: every figure is there and is a number. Never how much anything
 * costs.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench } from '../../bench/harness.ts'
import { benchObserve } from '../../bench/observe.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

const bench = new Bench({ name: 'observe', scale: 'small', onGroup: () => {} })
if (fullOnly === false) await benchObserve(bench)

const names = (group: string) =>
  bench.results.filter(each => each.group.startsWith(group)).map(each => each.name)

test('observe measures the journal and the lines by themselves', { skip: fullOnly }, () => {
  assert.deepEqual(names('the journal of one connection').length, 3)
  assert.deepEqual(names('a line of the access log'), ['json', 'text'])
})

test('observe measures the whole process with an access log and without', { skip: skip || fullOnly }, () => {
  for (const what of ['the new connections', 'the requests']) {
    const found = names(`CPU of the process for each of ${what}`)
    assert.deepEqual(new Set(found), new Set(['no access log', 'access log', 'no change']))
  }
})

test('every figure of observe is a number', { skip: fullOnly }, () => {
  for (const { group, name, rounds } of bench.results)
    assert.ok(rounds.length > 0 && rounds.every(Number.isFinite), `${group}: ${name}`)
})
