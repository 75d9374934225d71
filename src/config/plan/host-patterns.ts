/**
 * An index from host patterns to values, so that matching hosts never costs a scan over all
 * resources.
 *
 * A full name costs one look-up for itself and one for each pattern length. Only looking up a
 * pattern walks over all keys, which is rare: once for a wildcard service.
 */

import { hostsOverlap, isWildcard } from './names.ts'

export class HostIndex<Value> {
  readonly #values = new Map<string, Value[]>()
  /** Lengths of the wildcard patterns, longest first. */
  #wildcardLengths: number[] = []

  add(pattern: string, value: Value): void {
    const values = this.#values.get(pattern)
    if (values) values.push(value)
    else this.#values.set(pattern, [value])
    if (!isWildcard(pattern) || this.#wildcardLengths.includes(pattern.length)) return
    this.#wildcardLengths = [...this.#wildcardLengths, pattern.length].sort((a, b) => b - a)
  }

  /** The values under exactly this text. */
  exact(host: string): readonly Value[] {
    return this.#values.get(host) ?? []
  }

  /** Every text that has values. */
  patterns(): Iterable<string> {
    return this.#values.keys()
  }

  /**
   * The values of each pattern that covers all of `host`: the exact one, then the longest wildcard
   * first.
   */
  *covering(host: string): Generator<readonly Value[]> {
    const exact = this.#values.get(host)
    if (exact) yield exact
    for (const length of this.#wildcardLengths) {
      const suffixStart = host.length - (length - 1)
      if (suffixStart < (isWildcard(host) ? 1 : 0)) continue
      const pattern = `*${host.slice(suffixStart)}`
      const values = pattern === host ? undefined : this.#values.get(pattern)
      if (values) yield values
    }
  }

  /** Every value whose pattern shares a name with `host`. */
  *overlapping(host: string): Generator<Value> {
    if (!isWildcard(host)) {
      for (const values of this.covering(host)) yield* values
      return
    }
    for (const [pattern, values] of this.#values) if (hostsOverlap(pattern, host)) yield* values
  }
}
