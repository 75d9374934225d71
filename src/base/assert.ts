/**
 * Assertions: how weir's own mistakes stop the thread that made them.
 *
 * They are for bugs only. What a peer or the kernel does is a negative errno, what an operator
 * writes is a `Diagnostic` (config/findings/diagnostic.ts); neither ever arrives here.
 */

/**
 * Throws when `condition` is false: a bug in weir, never a client's or an operator's doing.
 *
 * @param what  Evaluated at each call: on the data path it is a constant, and `which` has the
 * variable part.
 */
export function assert(condition: boolean, what: string, which?: string | number): asserts condition {
  if (!condition) throw new Error(`bug in weir: ${what}${which === undefined ? '' : `: ${which}`}`)
}

/** For the branch that the types rule out: `default: unreachable(kind)`. */
export function unreachable(value: never): never {
  throw new Error(`bug in weir: unexpected ${JSON.stringify(value)}`)
}
