/** What the bench `faults` reads from the questions of a case. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CASES, outcomeOf, titleOf } from '../../bench/faults/cases.ts'
import type { Asked } from '../../bench/faults/load.ts'
import { byRound, isClearlyMore, sumText, titleOfSum } from '../../bench/faults/sums.ts'
import { TALKS } from '../../bench/faults/talks.ts'

const CASE = { ...CASES[0], round: 0, proxy: 'weir' } as const
const [WELL, BROKEN] = [1, 2]

/** Broken from 1 000 ms to 6 000 ms. */
const outcome = (asked: readonly Asked[]) => outcomeOf(CASE, asked, 1_000, 6_000, new Set([BROKEN]))

const asked = (beganMs: number, servedBy: number, more: Partial<Asked> = {}): Asked => ({
  beganMs,
  openedMs: beganMs,
  tookMs: 10,
  servedBy,
  ...more,
})

test('a loss counts by when its connection was begun, and none from before the fault', () => {
  const {
    lostOpen,
    lostNew,
    asked: all,
  } = outcome([
    asked(900, 0),
    asked(995, 0),
    asked(1_100, 0, { openedMs: 500 }),
    asked(1_100, 0),
    asked(1_100, WELL),
  ])
  assert.deepEqual([lostOpen, lostNew, all], [2, 1, 4])
})

test('a server harms until the last question that is lost or slow, and is back with its first answer', () => {
  const { leftAloneMs, backMs } = outcome([
    asked(1_100, 0),
    asked(1_700, WELL, { tookMs: 800 }),
    asked(1_900, WELL),
    asked(6_200, 0),
    asked(6_400, BROKEN, { tookMs: 20 }),
    asked(6_300, BROKEN, { tookMs: 200 }),
  ])
  assert.deepEqual([leftAloneMs, backMs], [700, 420])
  const slow = asked(1_700, WELL, { tookMs: 800 })
  const always = asked(100, WELL, { tookMs: 801 })
  assert.deepEqual(
    [outcome([slow]).leftAloneMs, outcome([always, slow]).leftAloneMs],
    [700, 0],
    'all are slow',
  )
  const none = outcome([asked(1_100, WELL)])
  assert.deepEqual([none.leftAloneMs, none.backMs, none.lostNew], [0, null, 0])
})

test('an answer tells which server gave it, once it is whole', () => {
  const { nginx, redis, postgres } = TALKS
  assert.equal(nginx.servedBy('HTTP/1.1 200 OK\r\n\r\nby 2100'), 0)
  assert.equal(nginx.servedBy('HTTP/1.1 200 OK\r\n\r\nby 21001\n'), 21_001)
  assert.equal(redis.servedBy('*2\r\n$4\r\nport\r\n$5\r\n21'), 0)
  assert.equal(redis.servedBy('*2\r\n$4\r\nport\r\n$5\r\n21002\r\n'), 21_002)
  const row = 'D\0\0\0\x0f\0\x01\0\0\0\x0521003C\0\0\0\x09SHOW\0'
  assert.equal(postgres.servedBy(row), 0)
  assert.equal(postgres.servedBy(`${row}Z\0\0\0\x05I`), 21_003)
})

test('every case has a title of its own', () => {
  assert.equal(new Set(CASES.map(titleOf)).size, CASES.length)
})

test('sums are of a round, one way for losses and another for times; worse is who is so in every round', () => {
  const { asked: _, ...zero } = outcome([])
  const one = { ...zero, asked: 0 }
  const all = [
    { ...one, lostNew: 1, backMs: 100 },
    { ...one, lostNew: 2, backMs: null },
    { ...one, round: 1, lostNew: 4, backMs: 300 },
    { ...one, round: 1, lostNew: 0, backMs: 500 },
    { ...one, round: 1, proxy: 'HAProxy' as const, lostNew: 8 },
  ]
  assert.deepEqual(byRound(all, 'weir', 'lost, begun after the fault'), [3, 4])
  assert.deepEqual(byRound(all, 'weir', 'until it is back'), [100, 400])
  assert.deepEqual(byRound(all, 'HAProxy', 'until it is back'), [])
  assert.equal(sumText([3, 4]), '7 (3, 4 a round)')
  assert.deepEqual(
    [isClearlyMore([3, 4], [2, 1]), isClearlyMore([3, 4], [2, 3]), isClearlyMore([3], [2])],
    [true, false, false],
  )
  // The cases of one sum differ in nothing but how many servers there are.
  assert.deepEqual([new Set(CASES.map(each => titleOfSum({ ...one, ...each }))).size, CASES.length], [18, 36])
})
