/**
 * Detects that file descriptors are running out, before the kernel reports it.
 *
 * At EMFILE, libuv gives up a spare descriptor to accept and close whatever waits
 * (`uv__emfile_trick`, libuv src/unix/stream.c): no crash and no spin, but nobody counts those
 * clients, and with several threads the trick can lose its spare. So a few descriptors are kept
 * free: the kernel always hands out the lowest number, so a connection whose number is near the
 * limit says that nearly all are taken. It is reset and counted, and the dial of an admitted
 * connection finds a descriptor. Where the limit is lowered meanwhile (prlimit(1)), or somebody
 * else takes them all at once, libuv's trick remains, and whom it closes is not counted.
 */

import type { World } from '../../base/world.ts'

/** Kept for dials, files and other threads; an eighth of a small limit. */
const RESERVED = 64

/** The limit is read again when it is older than this: it costs some 20 µs. */
const FRESH_MS = 100

/** The ceiling of now, for who cannot wait until the kernel refuses. */
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
      this.#value = descriptorCeiling(this.#world, this.#value) // without a descriptor, it cannot be read
    }
    return fd >= this.#value
  }
}

/** The first descriptor that is too near the limit; `unknown` where the limit cannot be read. */
export function descriptorCeiling(world: World, unknown = Number.POSITIVE_INFINITY): number {
  const limit = world.openFilesMax()
  return limit === null ? unknown : limit - Math.min(RESERVED, Math.floor(limit / 8))
}
