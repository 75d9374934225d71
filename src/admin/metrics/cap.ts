/**
 * A cap on series: the first names get their own series and keep it; all others share "other".
 *
 * The first names get a series, not the largest, on purpose: a name that moved to "other" and back
 * would make both jump. For the same reason a name in "other" stays there. A name that is no longer
 * counted frees its place.
 */

import type { Labels } from './family.ts'

export class Cap {
  readonly #max: number
  #own = new Map<string, Labels>()
  #sharing: ReadonlySet<string> = new Set()

  constructor(max: number) {
    this.#max = max
  }

  /** The labels of a name with its own series. */
  own(key: string): Labels | undefined {
    return this.#own.get(key)
  }

  /** Number of names that share "other" now. */
  get merged(): number {
    return this.#sharing.size
  }

  /**
   * The labels of each name by its key; `other` for names beyond the cap.
   *
   * @param labelsOf  Called once for each name that gets its own series: labels never change.
   */
  *labels(
    keys: ReadonlySet<string> | ReadonlyMap<string, unknown>,
    labelsOf: (key: string) => Labels,
    other: Labels,
  ): Generator<void, (key: string) => Labels> {
    const own = new Map([...this.#own].filter(([key]) => keys.has(key)))
    const sharing = new Set<string>()
    for (const key of keys.keys()) {
      if (own.has(key)) continue
      if (own.size >= this.#max || this.#sharing.has(key)) sharing.add(key)
      else {
        own.set(key, labelsOf(key))
        yield
      }
    }
    this.#own = own
    this.#sharing = sharing
    return key => own.get(key) ?? other
  }
}
