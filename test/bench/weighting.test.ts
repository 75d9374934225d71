/**
 * The bench `weighting` in small: it runs, it checks its answers, and it would notice a slow pick.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench } from '../../bench/harness.ts'
import { chiSquare, fairness, intervalOf } from '../../bench/resample.ts'
import { costText, weighConnections } from '../../bench/weighting/whole-connections.ts'
import { benchWeighting, shareText } from '../../bench/weighting.ts'
import { ENGINES } from '../support/engine.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

const small = (engine: 'uring' | 'epoll' | 'node' = 'uring'): Bench =>
  new Bench({ name: 'weighting', scale: 'small', onGroup: () => {}, choices: { engine } })

test('weighting measures picks, whole connections and the split, and says what they mean', {
  skip: skip || fullOnly,
}, async () => {
  const bench = small()
  await benchWeighting(bench)
  const groups = [...new Set(bench.results.map(({ group }) => group))]
  for (const part of [
    /^pick, exact$/,
    /^match and pick, 100 realistic rules/,
    /^whole connections, engine uring, .*: CPU beside one destination$/,
    /^whole connections, .* open loop: .*: p99\.9$/,
    /^delivered .*, sticky, 80:20$/,
  ]) {
    assert.ok(
      groups.some(group => part.test(group)),
      String(part),
    )
  }
  for (const { group, name, rounds } of bench.results) {
    assert.ok(rounds.length > 0 && rounds.every(Number.isFinite), `${group}: ${name}`)
    assert.doesNotMatch(group, /: failed|: not answered/)
  }
  for (const sentence of [
    /^weighting 100 ways costs /,
    /^random, 80:20, 500 connections: \d+:\d+, /,
    /^sticky/,
  ]) {
    assert.ok(
      bench.statements.some(each => sentence.test(each)),
      String(sentence),
    )
  }
  assert.match(
    bench.answers.join(),
    /^weighting costs a connection .* ns \(95 %: .*\), .* % of its \d+ ns of CPU; .* Whole connections, /,
  )
})

// Nothing is asserted about time itself, but that a pick that works more shows, and where it must.
// Few clients and longer rounds: on a busy machine, too, each round has answers.
for (const { engine, test } of ENGINES) {
  test(`weighting notices a pick that does more, through ${engine}`, { skip: skip || fullOnly }, async () => {
    const bench = small(engine)
    await weighConnections(bench, { turns: 1e6, clients: 8, roundMs: 200 })
    const found = bench.results.filter(({ group }) => group.endsWith(': CPU beside one destination'))
    const slower = found.filter(({ rounds }) => intervalOf(rounds).median > 1.5).map(({ name }) => name)
    assert.deepEqual(slower, ['80:20', '100 ways', '80:20, exact', '80:20, sticky'])
  })
}

test('a cost is claimed only where the rounds can tell it from nothing', () => {
  const around = (middle: number, noise: number): number[] =>
    Array.from({ length: 12 }, (_, round) => middle + noise * (((round * 5) % 12) / 5.5 - 1))
  assert.match(
    costText('80:20', around(1.02, 0.005)),
    /^weighting 80:20 costs 2\.\d % ± 0\.\d % of a connection’s CPU \(95 %: 1\.\d % to 2\.\d %\)$/,
  )
  assert.match(costText('80:20', around(1.001, 0.01)), /\): it can’t be told from nothing$/)
  assert.match(costText('80:20', around(1.02, 0.5)), /, too wide to claim anything\)/)
})

test('the answer has its interval and its own error', () => {
  const rounds = (middle: number): number[] => Array.from({ length: 9 }, (_, round) => middle + (round % 3))
  assert.equal(
    shareText([rounds(10), rounds(14.5), rounds(10)], 90_000, [
      [1.001, 1.002, 1.003],
      [0.999, 1, 1.001],
    ]),
    'weighting costs a connection 4.5 ns (95 %: 4.5 to 4.5), 0.005 % of its 90000 ns of CPU; one destination beside itself differs by 0.0 ns (0.0 to 0.0). Whole connections, as a check, differ by 0.2 % (0.1 to 0.3); one destination beside itself, which is what that method can see, by 0.0 % (−0.1 to 0.1)',
  )
})

test('fair counts are likely, unfair ones are not', () => {
  assert.equal(chiSquare([50, 50], [1, 1]), 0)
  assert.equal(chiSquare([60, 40], [1, 1]), 4)
  // The tables have 0.0455 for 4 and more with one degree of freedom; counts of 100 are coarser.
  const p = fairness([60, 40], [1, 1])
  assert.ok(p > 0.03 && p < 0.09, `p = ${p}`)
  assert.equal(fairness([80, 20], [80, 20]), 1)
  assert.ok(fairness([70, 30], [80, 20]) < 0.05)
  assert.ok(fairness([7500, 2500], [80, 20]) <= 0.001)
})
