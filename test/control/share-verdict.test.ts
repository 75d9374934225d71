/** What a delivered share is said to be. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRandom, nextU32 } from '../../src/base/random.ts'
import { isExcluded } from '../../src/base/share-bounds.ts'
import { chances, deliveredShare, shareOfClients } from '../../src/control/observe/share-verdict.ts'
import { clearClients, countClients } from '../../src/stats/split-clients.ts'
import { createStats, openStats } from '../../src/stats/stats.ts'
import {
  BUCKETS,
  bucketOf,
  markedBucketOf,
  STICKY_SLOTS,
  stickyBuckets,
} from '../../src/table/match/sticky.ts'
import { runs, sized } from '../support/full.ts'

const QUIET = { chances: 1, underWay: 2 }
const said = (...args: Parameters<typeof deliveredShare>) => deliveredShare(...args)?.verdict

test('a random split: too few, as asked, off', () => {
  assert.equal(deliveredShare(0, 0, 0.2, 'random', QUIET), null)
  assert.equal(said(0, 5, 0.2, 'random', QUIET), 'too-few')
  assert.equal(said(200, 1_000, 0.2, 'random', QUIET), 'as-asked')
  assert.equal(said(250, 1_000, 0.2, 'random', QUIET), 'off')
  assert.equal(said(10, 1_000, 0.01, 'random', QUIET), 'too-few')
  assert.equal(said(100, 10_000, 0.01, 'random', QUIET), 'as-asked')
  assert.equal(said(1_000, 1_000, 1, 'random', QUIET), 'as-asked')
  assert.deepEqual(deliveredShare(1, 1, 1, 'random', QUIET), {
    share: 1,
    low: 1,
    high: 1,
    verdict: 'as-asked',
  })
  assert.equal(said(7, 1_000, null, 'random', QUIET), null)
})

test('with more rules on a page more is asked before one is called off', () => {
  assert.equal(said(250, 1_000, 0.2, 'random', { chances: 1, underWay: 2 }), 'off')
  assert.equal(said(250, 1_000, 0.2, 'random', { chances: 1_000, underWay: 2 }), 'too-few')
})

test('an exact split is off by more than what is under way', () => {
  assert.equal(said(20, 100, 0.2, 'exact', QUIET), 'as-asked')
  assert.equal(said(22, 100, 0.2, 'exact', QUIET), 'as-asked')
  assert.equal(said(23, 100, 0.2, 'exact', QUIET), 'off')
  assert.equal(said(1, 5, 0.2, 'exact', QUIET), 'too-few')
})

test('of a sticky split connections say nothing, clients do', () => {
  assert.equal(said(1_000, 1_000, 0.2, 'sticky', QUIET), 'too-few')
  const verdict = (count: number, all: number) => shareOfClients(count, all, 0.2, 1)?.verdict
  assert.deepEqual(
    [verdict(0, 0), verdict(1, 1), verdict(200, 1_000), verdict(250, 1_000)],
    [undefined, 'too-few', 'as-asked', 'off'],
  )
})

/** Clients of a sticky split by `written` weights, one after the other, until `isOver`. */
function split(
  written: readonly [number, number],
  configured: number,
  random: Int32Array,
  isOver: (verdict: string | undefined, clients: number) => boolean,
): number {
  const { clients } = openStats(STATS)
  clearClients(clients, 1)
  const name = `gray ${nextU32(random)}`
  const turns = stickyBuckets([
    { name, weight: written[0] },
    { name: `prod ${name}`, weight: written[1] },
  ])
  const client = Uint32Array.of(nextU32(random), 0, 0, 0)
  const isRandom = (nextU32(random) & 1) === 1
  for (let came = 1, next = 1; ; came++) {
    // Of a few networks in a row, or from anywhere.
    client[0] = isRandom ? nextU32(random) : client[0] + 1
    markedBucketOf(client, clients, 1)
    if (came < next) continue
    next = Math.ceil(came * 1.1)
    const [gray, prod] = countClients(clients, { slot: 1, turns }, 2) ?? []
    if (isOver(shareOfClients(gray, gray + prod, configured, 1)?.verdict ?? undefined, came)) return came
  }
}

const STATS = createStats(1)
const CLIENTS = sized(20_000, 100_000)
const SPLITS = 300

test('of right sticky splits, looked at again and again, at most one in twenty is ever shown as off', () => {
  const random = createRandom(21, 1, 2026)
  let off = 0
  for (let each = 0; each < SPLITS; each++) {
    const weight = 1 + (nextU32(random) % 99)
    split([weight, 100 - weight], weight / 100, random, (verdict, clients) => {
      if (verdict === 'off') off++
      return verdict === 'off' || clients > CLIENTS
    })
  }
  assert.ok(off <= SPLITS / 20, `${off} of ${SPLITS}`)
})

test('a sticky split that is off by five points is called so within 5 000 clients', () => {
  const random = createRandom(21, 2, 2026)
  const needed = Array.from({ length: sized(20, 100) }, () =>
    split([25, 75], 0.2, random, verdict => verdict === 'off'),
  ).sort((a, b) => a - b)
  assert.ok(needed[needed.length >> 1] < 2_000, `half of them: ${needed[needed.length >> 1]}`)
  assert.ok((needed.at(-1) ?? 0) < 5_000, `all of them: ${needed.at(-1)}`)
})

/** The first address of a bucket. */
function clientIn(bucket: number): Uint32Array {
  const client = new Uint32Array(4)
  while (bucketOf(client) !== bucket) client[0]++
  return client
}

test('clients are counted once, by bucket, each split alone, and none without a slot', () => {
  const { clients } = openStats(createStats(2))
  const turns = new Uint16Array(BUCKETS).map((_, bucket) => bucket % 3)
  for (const bucket of [0, 0, 1, 31, 32, 33, BUCKETS - 1, BUCKETS - 1])
    assert.equal(markedBucketOf(clientIn(bucket), clients, 7), bucket)
  markedBucketOf(clientIn(5), clients, 0)
  markedBucketOf(clientIn(BUCKETS - 1), clients, STICKY_SLOTS - 1)
  const of = (slot: number) => countClients(clients, { slot, turns }, 3)
  assert.deepEqual(of(7), [2, 3, 1])
  assert.deepEqual([of(0), of(6), of(8)], [null, [0, 0, 0], [0, 0, 0]])
  clearClients(clients, 7)
  assert.deepEqual(
    [of(7), of(STICKY_SLOTS - 1)],
    [
      [0, 0, 0],
      [0, 1, 0],
    ],
  )
})

test('only splits by chance are corrected for', () => {
  assert.deepEqual(
    [
      chances('random', 1),
      chances('random', 2),
      chances('random', 3),
      chances('sticky', 3),
      chances('exact', 3),
      chances(null, 0),
    ],
    [0, 1, 3, 3, 0, 0],
  )
})

test('off is what the bounds exclude, but for what is under way', () => {
  const counts = fc.integer({ min: 1, max: 20_000 }).chain(all => fc.tuple(fc.nat(all), fc.constant(all)))
  fc.assert(
    fc.property(
      counts,
      fc.double({ min: 0.001, max: 0.999, noNaN: true }),
      fc.nat(20),
      ([count, all], configured, underWay) => {
        const far = Math.abs(count - configured * all) > underWay
        const isOff = said(count, all, configured, 'random', { chances: 7, underWay }) === 'off'
        assert.equal(isOff, far && isExcluded(configured, count, all, 0.05 / 7))
      },
    ),
    { numRuns: runs(2_000) },
  )
})
