/**
 * The source conditions that a client fulfils (../build/conditions.ts), as the data path reads
 * them.
 */

/**
 * A client's identity to the rules: the source conditions that it fulfils, as bits and as a list.
 */
export type Fulfilled = {
  /** Bit `i` of the row from word `bitsAt` on: condition `i`. */
  bits: Uint32Array
  bitsAt: number
  /** The same as numbers, `count` of them from word `first` on. */
  conditions: Uint32Array
  first: number
  count: number
  /** Out: the route of the rule that was found last; if `firstRule` finds one, that one's. */
  route: number
}

/** Whether bit `index` is set in the row of bits that starts at word `at`. */
export const hasBit = (bits: Uint32Array, at: number, index: number): boolean =>
  ((bits[at + (index >>> 5)] >>> (index & 31)) & 1) === 1
