/**
 * `deadlines`: the cost of one deadline among many open, idle connections.
 *
 * One connection dials, and times out 20 ms later. The wheel finds that one; its rival, which weir
 * had before, scans all of them.
 */

import { deadlineMs, overdue } from '../src/engine/decide/deadline.ts'
import { State } from '../src/engine/decide/state.ts'
import { type Clock, Deadlines } from '../src/engine/flow/deadlines.ts'
import { Slots } from '../src/engine/flow/slots.ts'
import type { Bench } from './harness.ts'
import { mix } from './rivals.ts'

const OPEN = [10_000, 60_000]
/** Longer than any run: only the first one times out. */
const IDLE_MS = 20 * 86_400_000
const DIAL_MS = 20

export function benchDeadlines(bench: Bench): void {
  const count = bench.parameter(10, 1_000)
  for (const open of OPEN) {
    bench.compare(`a deadline among ${open} idle connections`, count, [
      { name: 'wheel', run: runWheel(open), goalNs: 1_000 },
      { name: 'sweep', run: runSweep(open) },
    ])
  }
}

/** Idle slots, except for the first, which dials. */
function slotsOf(open: number): Slots {
  const slots = new Slots(open)
  for (let slot = 0; slot < open; slot++) {
    slots.take()
    slots.enter(slot, State.Reading)
    slots.enter(slot, State.Dialing)
    if (slot > 0) slots.enter(slot, State.Relaying)
    slots.idleTimeoutMs[slot] = IDLE_MS
    slots.connectTimeoutMs[slot] = DIAL_MS
  }
  return slots
}

function runWheel(open: number): (count: number) => number {
  const slots = slotsOf(open)
  const clock: Clock = { nowMs: 0 }
  const deadlines = new Deadlines(slots, clock)
  for (let slot = 1; slot < open; slot++) deadlines.expect(slot)
  let checksum = 0
  const look = (slot: number): void => {
    checksum = mix(checksum, deadlines.overdue(slot))
  }
  return count => {
    checksum = 0
    for (let done = 0; done < count; done++) {
      slots.dialedMs[0] = clock.nowMs
      deadlines.expect(0)
      clock.nowMs += 2 * DIAL_MS
      deadlines.due(look)
    }
    return checksum
  }
}

function runSweep(open: number): (count: number) => number {
  const slots = slotsOf(open)
  const agreeUntilMs = Number.POSITIVE_INFINITY
  const times = {
    readUntilMs: 0,
    acceptedMs: 0,
    dialedMs: 0,
    activeMs: 0,
    agreeUntilMs,
    clientOwedMs: 0,
    upstreamOwedMs: 0,
  }
  const allowed = { connectTimeoutMs: DIAL_MS, idleTimeoutMs: IDLE_MS, maxDurationMs: 0, writeTimeoutMs: 0 }
  let nowMs = 0
  return count => {
    let checksum = 0
    let nextMs = 0
    for (let done = 0; done < count; done++) {
      slots.dialedMs[0] = nowMs
      nowMs += 2 * DIAL_MS
      nextMs = Number.POSITIVE_INFINITY
      for (let slot = 0; slot < open; slot++) {
        const state = slots.state[slot] as State
        times.dialedMs = slots.dialedMs[slot]
        times.activeMs = slots.activeMs[slot]
        const reason = overdue(state, times, allowed, nowMs)
        if (reason >= 0) checksum = mix(checksum, reason)
        else nextMs = Math.min(nextMs, deadlineMs(state, times, allowed))
      }
    }
    return nextMs > nowMs ? checksum : -1
  }
}
