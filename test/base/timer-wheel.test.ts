/**
 * Goal: nothing fires early, nothing late, nothing twice, however time goes and whatever is armed
 * or cleared meanwhile. Method: random moves on a wheel and on a list of deadlines that is looked
 * through from end to end.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TimerWheel } from '../../src/base/timer-wheel.ts'
import { runs } from '../support/full.ts'

const ENTRIES = 12
/** How late an entry may fire. */
const TICK_MS = 16
const DAY_MS = 86_400_000
/** Ticks at which the digits start over. */
const AGE_MS = TICK_MS * 2 ** 30

/** The reaction to an entry that fires: another is armed this much later, or cleared. */
type Move = { readonly kind: 'arm' | 'clear'; readonly entry: number; readonly inMs: number }
type Step = Move | { readonly kind: 'pass'; readonly ms: number } | { readonly kind: 'sleep' }

const spanMs = fc.oneof(
  // Few and near each other, so that several share a bucket, and a deadline moves by a tick.
  { weight: 6, arbitrary: fc.constantFrom(10, 90, 100, 116, 132, 7_000, 7_016, 3_600_000, 3_600_016) },
  fc.double({ min: -50, max: 100, noNaN: true }),
  fc.integer({ min: 0, max: 2_000 }),
  fc.integer({ min: 0, max: 4_000_000 }),
  fc.integer({ min: 0, max: 40 * DAY_MS }),
  fc.integer({ min: 0, max: 1_000 }).map(days => days * DAY_MS),
  fc.constantFrom(0, TICK_MS, 32 * TICK_MS, 1024 * TICK_MS, 32_768 * TICK_MS, AGE_MS),
)
const entry = fc.nat(ENTRIES - 1)
const arming = fc.record({ kind: fc.constant('arm' as const), entry, inMs: spanMs })
const clearing = fc.record({ kind: fc.constant('clear' as const), entry, inMs: fc.constant(0) })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: arming },
  { weight: 3, arbitrary: clearing },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: spanMs.map(Math.abs) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'sleep' as const }) },
)
const startMs = fc.oneof(
  fc.constant(0),
  fc.double({ min: 0, max: 1e6, noNaN: true }),
  fc.integer({ min: -2_000, max: 100 }).map(ms => AGE_MS + ms),
)

/** The wheel, the reference list, and the calls of both. */
class Both {
  nowMs: number
  readonly fired: number[] = []
  readonly #wheel: TimerWheel
  /**
   * By entry: its deadline, or when it was armed where that is later; Infinity: it is not armed.
   */
  readonly #list = Array.from({ length: ENTRIES }, () => Number.POSITIVE_INFINITY)
  readonly #follow: (Move | null)[]

  constructor(nowMs: number, follow: (Move | null)[]) {
    this.nowMs = nowMs
    this.#wheel = new TimerWheel(ENTRIES, nowMs)
    this.#follow = follow
  }

  get nextMs(): number {
    return this.#wheel.nextMs
  }

  move({ kind, entry, inMs }: Move): void {
    if (kind === 'clear') {
      this.#wheel.clear(entry)
      this.#list[entry] = Number.POSITIVE_INFINITY
      return
    }
    this.#wheel.arm(entry, this.nowMs + inMs)
    this.#list[entry] = Math.min(this.#list[entry], Math.max(this.nowMs, this.nowMs + inMs))
  }

  passTo(ms: number): void {
    this.nowMs = ms
    this.#wheel.expire(ms, entry => {
      assert.ok(
        this.#list[entry] <= ms,
        `${entry} fires ${this.#list[entry] - ms} ms early, or was not armed`,
      )
      this.#list[entry] = Number.POSITIVE_INFINITY
      this.fired.push(entry)
      const move = this.#follow[this.fired.length % this.#follow.length]
      if (move) this.move(move)
    })
    for (const [entry, atMs] of this.#list.entries())
      assert.ok(atMs + TICK_MS > ms, `${entry} has not fired ${ms - atMs} ms after its time`)
  }

  /** As an engine does: up to what is next, and no longer. */
  sleep(): void {
    const earliestMs = Math.min(...this.#list)
    const nextMs = this.#wheel.nextMs
    assert.ok(nextMs <= earliestMs + TICK_MS, `sleeps ${nextMs - earliestMs} ms too long`)
    assert.equal(nextMs === Number.POSITIVE_INFINITY, earliestMs === Number.POSITIVE_INFINITY)
    if (nextMs < Number.POSITIVE_INFINITY) this.passTo(Math.max(this.nowMs, nextMs))
  }
}

test('a wheel fires what a list of deadlines does, whatever follows from it', () => {
  fc.assert(
    fc.property(
      startMs,
      fc.array(fc.option(fc.oneof(arming, clearing)), { minLength: 1, maxLength: 5 }),
      fc.array(step, { maxLength: 60 }),
      (start, follow, steps) => {
        const both = new Both(start, follow)
        for (const each of steps) {
          if (each.kind === 'pass') both.passTo(both.nowMs + each.ms)
          else if (each.kind === 'sleep') both.sleep()
          else both.move(each)
        }
      },
    ),
    { numRuns: runs(5000) },
  )
})

test('who sleeps until the next time is woken a few times for a deadline, however far it is', () => {
  for (const inMs of [15_000, 3_600_000, 24 * DAY_MS, 3 * 365 * DAY_MS]) {
    const both = new Both(12_345.6, [null])
    both.move({ kind: 'arm', entry: 3, inMs })
    let wakes = 0
    for (; both.fired.length === 0; wakes++) both.sleep()
    const lateMs = both.nowMs - 12_345.6 - inMs
    assert.ok(lateMs >= 0 && lateMs <= TICK_MS && wakes <= 12, `${lateMs} ms late after ${wakes} wakes`)
    assert.equal(both.nextMs, Number.POSITIVE_INFINITY)
  }
})

test('a deadline that moves later fires once at the old time, one that moves earlier at the new', () => {
  const both = new Both(0, [null])
  both.move({ kind: 'arm', entry: 0, inMs: 100 })
  both.move({ kind: 'arm', entry: 0, inMs: 5_000 })
  both.move({ kind: 'arm', entry: 1, inMs: 5_000 })
  both.move({ kind: 'arm', entry: 1, inMs: 200 })
  both.passTo(120)
  assert.deepEqual(both.fired, [0])
  both.passTo(220)
  assert.deepEqual(both.fired, [0, 1])
  both.passTo(10_000)
  assert.deepEqual(both.fired, [0, 1])
  both.move({ kind: 'arm', entry: 2, inMs: 10 * TICK_MS })
  both.move({ kind: 'arm', entry: 2, inMs: 9 * TICK_MS })
  both.passTo(10_000 + 9 * TICK_MS)
  assert.deepEqual(both.fired, [0, 1, 2])
})

test('of those with one deadline any may be cleared, in any order, and the others fire', () => {
  const all = [0, 1, 2, 3]
  const orders = all.flatMap(a => all.flatMap(b => all.map(c => [...new Set([a, b, c])])))
  for (const inMs of [100, 7_000]) {
    for (const cleared of orders) {
      const both = new Both(0, [null])
      for (const entry of all) both.move({ kind: 'arm', entry, inMs })
      for (const entry of cleared) both.move({ kind: 'clear', entry, inMs: 0 })
      both.passTo(8_000)
      assert.deepEqual(
        both.fired.sort(),
        all.filter(each => !cleared.includes(each)),
      )
    }
  }
})

test('time that stands still while the wheel is asked changes nothing', () => {
  const both = new Both(1000, [null])
  both.move({ kind: 'arm', entry: 0, inMs: 0 })
  for (let look = 0; look < 3; look++) both.passTo(1000)
  assert.ok(both.nextMs > 1000)
  both.passTo(both.nextMs)
  assert.deepEqual(both.fired, [0])
})
