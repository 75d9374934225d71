/** What guards of a rollout say, and how often they are wrong. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom, nextU32 } from '../../../src/base/random.ts'
import { type Guard, Guards } from '../../../src/cli/rollout/guards.ts'
import { type CanaryPage, Tally } from '../../../src/cli/rollout/tally.ts'
import type { Target } from '../../../src/cli/rollout/target.ts'
import { weightsAt } from '../../../src/cli/rollout/weights.ts'
import { sized } from '../../support/full.ts'

const destination = (host: string) => ({ host, subset: null, weight: 1 })
const TARGET: Target = {
  file: 'a.yaml',
  index: 1,
  hosts: ['prod.example', 'gray.example'],
  route: {
    namespace: 'default',
    virtualService: 'default/echo',
    block: 'tcp',
    route: 0,
    destinations: [destination('prod.example'), destination('gray.example')],
    trouble: null,
  },
}

type Seen = {
  dials: number
  failed: number
  ended?: number
  reset?: number
  times?: readonly (readonly [number, number])[]
}

const arm = (host: string, { dials, failed, ended = 0, reset = 0, times = [] }: Seen) => ({
  host,
  subset: null,
  configuredShare: 0.5,
  connections: dials,
  failedDials: dials === 0 ? null : { count: failed, of: dials },
  resets: ended === 0 ? null : { count: reset, of: ended },
  connectTimes: times.map(([fromMs, count]) => ({ fromMs, toMs: 2 * fromMs, count })),
})

const page = (prod: Seen, gray: Seen, since = 1): CanaryPage => ({
  rules: [
    {
      rule: { block: 'tcp', route: 0, match: null },
      sinceGeneration: since,
      destinations: [arm('prod.example', prod), arm('gray.example', gray)],
    },
  ],
})

const NONE: Seen = { dials: 0, failed: 0 }
const guard = (name: Guard['name'], limit: number | null = null): Guard => ({ name, limit })

function said(guards: readonly Guard[], ...pages: readonly CanaryPage[]) {
  const [tally, judges] = [new Tally(), new Guards(guards)]
  let last: ReturnType<Guards['look']> = []
  for (const each of pages) {
    tally.take(each, TARGET)
    last = judges.look(tally)
  }
  return last.map(({ isBroken, text }) => `${isBroken ? 'broken' : 'holds'}: ${text}`)
}

test('one dial in ten is worse than none, surely, after a few hundred', () => {
  const of = (dials: number, failed: number) =>
    said([guard('dial-failures')], page({ dials, failed: 0 }, { dials, failed }))
  assert.match(of(20, 2)[0], /^holds: dial-failures: 10 % \(surely at most .*0 % with the others$/)
  assert.match(
    of(400, 40)[0],
    /^broken: dial-failures: 10 % \(surely more than .*0 % with the others: worse, sure$/,
  )
})

test('a limit is held against the share that is surely exceeded', () => {
  const of = (failed: number, limit: number) =>
    said([guard('resets', limit)], page(NONE, { dials: 900, failed: 0, ended: 800, reset: failed }))
  assert.match(of(8, 0.01)[0], /^holds: resets: 1 % .*; the limit is 1 %$/)
  assert.match(of(80, 0.01)[0], /^broken: resets: 10 % .*; the limit is 1 %$/)
  assert.match(
    said([guard('resets')], page(NONE, NONE))[0],
    /^holds: resets: none of its connections has ended yet$/,
  )
})

test('counts go on over steps, over a restart, and are not doubled by listeners', () => {
  const [a, b] = [
    page({ dials: 300, failed: 0 }, { dials: 30, failed: 3 }),
    page({ dials: 10, failed: 0 }, { dials: 10, failed: 1 }, 2),
  ]
  const restarted = page({ dials: 5, failed: 0 }, { dials: 5, failed: 0 }, 2)
  const tally = new Tally()
  for (const each of [a, a, b, restarted, { rules: [...restarted.rules, ...restarted.rules] }])
    tally.take(each, TARGET)
  assert.deepEqual(tally.counts('dial-failures'), {
    target: { count: 4, of: 45 },
    others: { count: 0, of: 315 },
  })
  assert.equal(tally.connections, 45)
})

test('a p99 is worse if surely more than 1 % takes longer than twice that of the others', () => {
  const others = (count: number): Seen => ({
    dials: 0,
    failed: 0,
    times: [
      [1, 990 + count],
      [4, 10],
    ],
  })
  const first = page(others(0), { ...NONE, times: [[1, 5]] })
  const at = (slow: number) =>
    page(others(1_000), {
      ...NONE,
      times: [
        [1, 1_005 - slow],
        [8, slow],
      ],
    })
  const p99 = [guard('connect-p99')]
  assert.match(said(p99, page(NONE, NONE))[0], /^holds: connect-p99: too few connects to say$/)
  assert.match(
    said(p99, first, at(10))[0],
    /^holds: connect-p99: 1 % .* take longer than 4 ms, twice the others’ p99; 0 %/,
  )
  assert.match(said(p99, first, at(50))[0], /^broken: connect-p99: 5 % .*worse, sure$/)
  // Both are slow: the machine is.
  const both = page(
    {
      ...NONE,
      times: [
        [1, 990],
        [4, 10],
        [8, 100],
      ],
    },
    {
      ...NONE,
      times: [
        [1, 900],
        [8, 100],
      ],
    },
  )
  assert.match(said(p99, first, both)[0], /^holds: connect-p99/)
  // So it is if the others had their connects before, and few since.
  const hour = (count: number): [number, number][] => [
    [1, 990 + count],
    [4, 10],
  ]
  const late = page(
    { ...NONE, times: [...hour(1_000), [8, 2]] },
    {
      ...NONE,
      times: [
        [1, 1_005],
        [8, 1_000],
      ],
    },
  )
  assert.match(said(p99, first, at(0), late)[0], /^holds: connect-p99/)
  const limited = [guard('connect-p99', 5)]
  assert.match(
    said(limited, first, at(50))[0],
    /^broken: connect-p99: 5 % .* take longer than 5 ms; the limit is 1 %$/,
  )
  assert.match(said(limited, first, at(10))[0], /^holds: /)
})

test('connects of endpoints that have gone are not counted as fewer', () => {
  const pages = [
    [
      [1, 500],
      [2, 500],
    ],
    [
      [1, 300],
      [4, 200],
    ],
    [
      [1, 310],
      [4, 200],
    ],
  ].map(times =>
    page({ ...NONE, times: times as [number, number][] }, { ...NONE, times: times as [number, number][] }),
  )
  assert.match(said([guard('connect-p99', 3)], ...pages)[0], /: 0 % .*longer than 3 ms/)
})

test('of rollouts to a right destination, looked at again and again, one in twenty is put back', () => {
  const random = createRandom(21, 7, 2026)
  const fails = (p: number, n: number): number => {
    let count = 0
    for (let at = 0; at < n; at++) if (nextU32(random) / 2 ** 32 < p) count++
    return count
  }
  let broken = 0
  const rollouts = sized(100, 1_000)
  for (let each = 0; each < rollouts; each++) {
    const [tally, guards] = [new Tally(), new Guards([guard('dial-failures')])]
    const p = 0.001 + 0.05 * (nextU32(random) / 2 ** 32)
    const [prod, gray] = [
      { dials: 0, failed: 0 },
      { dials: 0, failed: 0 },
    ]
    for (let look = 0; look < 60; look++) {
      for (const [side, more] of [
        [prod, 40],
        [gray, 5 + look],
      ] as const) {
        side.dials += more
        side.failed += fails(p, more)
      }
      tally.take(page(prod, gray), TARGET)
      if (!guards.look(tally)[0].isBroken) continue
      broken++
      break
    }
  }
  assert.ok(broken <= rollouts / 20, `${broken} of ${rollouts}`)
})

test('a step gives its share to one, and the rest to the others as before', () => {
  assert.deepEqual(weightsAt([100, 0], 1, 5), [95, 5])
  assert.deepEqual(weightsAt([1, 2, 0], 2, 10), [30, 60, 10])
  assert.deepEqual(weightsAt([1, 1, 1, 0], 3, 1), [33, 33, 33, 1])
  assert.deepEqual(
    weightsAt([1, 1, 1, 0], 3, 2).reduce((sum, each) => sum + each),
    100,
  )
  assert.deepEqual(weightsAt([3, 7], 1, 100), [0, 100])
  assert.deepEqual(weightsAt([0, 0], 0, 20), [20, 80])
})
