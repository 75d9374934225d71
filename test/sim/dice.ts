/** Random draws of a run: each stream repeats from the seed, whatever the others draw. */

import { createRandom, nextBelow, nextU32, type Random } from '../../src/base/random.ts'

export class Dice {
  readonly state: Random

  /** @param stream  What it is for: a change in one stream leaves the others as they were. */
  constructor(seed: bigint, stream: number) {
    this.state = createRandom(
      Number(seed & 0xffff_ffffn) | 0,
      Number((seed >> 32n) & 0xffff_ffffn) | 0,
      stream,
    )
  }

  /** 0 to `limit` − 1. */
  below(limit: number): number {
    return nextBelow(this.state, limit)
  }

  /** `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + nextBelow(this.state, most - least + 1)
  }

  chance(probability: number): boolean {
    return probability > 0 && nextU32(this.state) < probability * 2 ** 32
  }

  pick<T>(list: readonly T[]): T {
    return list[nextBelow(this.state, list.length)]
  }

  /** Mostly small, now and then large: 1 to `most`. */
  size(most: number): number {
    const bits = this.below(Math.floor(Math.log2(most)) + 1)
    return Math.min(most, 1 + this.below(2 ** (bits + 1)))
  }
}
