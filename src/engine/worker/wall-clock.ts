/**
 * The wall clock, read now and then: a reading costs as much as all that is written of a request.
 */

import type { World } from '../../base/world.ts'

/** A wall clock that is set shows after this time. */
const WALL_MS = 100

export class WallClock {
  readonly #world: World
  /** What makes a time of the monotonic clock one of the wall clock, and until when it does. */
  #originMs = 0
  #untilMs = 0

  constructor(world: World) {
    this.#world = world
  }

  /** The time that the wall clock shows at `nowMs` of the monotonic one, in whole milliseconds. */
  at(nowMs: number): number {
    if (nowMs >= this.#untilMs) this.#read()
    return Math.floor(nowMs + this.#originMs)
  }

  #read(): void {
    const nowMs = this.#world.monotonicMs()
    this.#originMs = this.#world.wallMs() - nowMs
    this.#untilMs = nowMs + WALL_MS
  }
}
