/**
 * A generator of random numbers for the data path: small, quick, one per worker, no allocation.
 *
 * sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes PractRand and BigCrush. Weights
 * need good randomness, not secrecy, so it needs no system call.
 */

/** The four words of the generator's state; signed, since V8 adds int32 without conversion. */
export type Random = Int32Array

/** A generator seeded by three numbers; give each worker other ones. */
export function createRandom(a: number, b: number, c: number): Random {
  const state = Int32Array.of(a, b, c, 1)
  for (let i = 0; i < 15; i++) nextU32(state) // mixes the seed, as its author advises
  return state
}

/** The next number, 0 – 2^32−1. */
export function nextU32(state: Random): number {
  const a = state[0]
  const b = state[1]
  const c = state[2]
  const counter = state[3]
  const sum = (((a + b) | 0) + counter) | 0
  state[3] = (counter + 1) | 0
  state[0] = b ^ (b >>> 9)
  state[1] = (c + (c << 3)) | 0
  state[2] = (((c << 21) | (c >>> 11)) + sum) | 0
  return sum >>> 0
}

/**
 * A number from 0 to `limit` − 1, each equally likely (1 ≤ limit < 2^32).
 *
 * The lowest 2^32 mod limit values would favour small remainders, so they are drawn again; they are
 * all below `limit`, hence one comparison in the common case.
 */
export function nextBelow(state: Random, limit: number): number {
  let value = nextU32(state)
  if (value < limit) {
    const favoured = (2 ** 32 - limit) % limit
    while (value < favoured) value = nextU32(state)
  }
  return value % limit
}
