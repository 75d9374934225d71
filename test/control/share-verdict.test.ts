/** What a delivered share is said to be. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isExcluded } from '../../src/base/share-bounds.ts'
import { chances, deliveredShare } from '../../src/control/observe/share-verdict.ts'
import { runs } from '../support/full.ts'

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

test('of a sticky split connections say nothing', () => {
  assert.equal(said(1_000, 1_000, 0.2, 'sticky', QUIET), 'too-few')
})

test('only splits by chance are corrected for', () => {
  assert.deepEqual(
    [chances('random', 1), chances('random', 2), chances('random', 3), chances('exact', 3), chances(null, 0)],
    [0, 1, 3, 0, 0],
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
