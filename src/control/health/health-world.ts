/**
 * What watching endpoints needs of the machine: time, timers, chance, and sockets for checks. The
 * simulator (docs/simulator.md) has another.
 */

import { clockOriginMs, monotonicMs } from '../../base/clock.ts'
import { nextU32 } from '../../base/random.ts'
import { machine } from '../../kernel/machine.ts'
import { probe } from './probe.ts'

/** Ends what was begun; a second call does nothing. */
type Stop = () => void

export type HealthWorld = {
  /** On the clock that the workers share. */
  readonly nowMs: () => number
  /** Once, after some time. */
  readonly after: (ms: number, run: () => void) => Stop
  /** Each time that so much has passed. */
  readonly every: (ms: number, run: () => void) => Stop
  /** From 0 up to 1. */
  readonly chance: () => number
  readonly probe: typeof probe
}

/** No timer keeps the process alive. */
export function realHealthWorld(): HealthWorld {
  const random = machine.random()
  return {
    nowMs: () => monotonicMs() + clockOriginMs,
    after: (ms, run) => {
      const timer = setTimeout(run, ms).unref()
      return () => clearTimeout(timer)
    },
    every: (ms, run) => {
      const timer = setInterval(run, ms).unref()
      return () => clearInterval(timer)
    },
    chance: () => nextU32(random) / 2 ** 32,
    probe,
  }
}
