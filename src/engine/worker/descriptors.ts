/**
 * Detects that file descriptors are running out, before the kernel reports it.
 *
 * At EMFILE, libuv gives up a spare descriptor to accept and close whatever waits
 * (`uv__emfile_trick`, libuv src/unix/stream.c): no crash and no spin, but nobody counts those
 * clients, and with several threads the trick can lose its spare. So weir keeps a few descriptors
 * free. The kernel always hands out the lowest number, so a number near the limit means that nearly
 * all are taken: weir resets and counts that connection, and the dial of an admitted one still
 * finds a descriptor. If the limit is lowered at run time (prlimit(1)), or another process part
 * takes them all at once, libuv's trick remains, and its victims are not counted.
 */

import type { World } from '../../base/world.ts'

/** Reserved for dials, files and other threads; an eighth of a small limit. */
const RESERVED = 64

/** The limit is read again after this time: a reading takes some 20 µs. */
const FRESH_MS = 100

/** The current ceiling, for callers that cannot wait until the kernel refuses. */
export class DescriptorCeiling {
  readonly #world: World
  #value: number
  #readMs: number

  constructor(world: World) {
    this.#world = world
    this.#value = descriptorCeiling(world)
    this.#readMs = world.monotonicMs()
  }

  /** Whether a descriptor is too near the limit. */
  isReachedBy(fd: number): boolean {
    const nowMs = this.#world.monotonicMs()
    if (nowMs - this.#readMs >= FRESH_MS) {
      this.#readMs = nowMs
      this.#value = descriptorCeiling(this.#world, this.#value) // without a descriptor, the limit cannot be read
    }
    return fd >= this.#value
  }
}

/** The first descriptor that is too near the limit; `unknown` if the limit cannot be read. */
export function descriptorCeiling(world: World, unknown = Number.POSITIVE_INFINITY): number {
  const limit = world.openFilesMax()
  return limit === null ? unknown : limit - Math.min(RESERVED, Math.floor(limit / 8))
}
