/**
 * Which version of a kind is asked for: the newest that the server has.
 *
 * A kind may come while its versions are tried one after the other, so one that is found after
 * another was lacking is not believed to be the newest before that was asked again.
 */

export class KindVersion {
  readonly #versions: readonly string[]
  #at = 0
  /** Versions that the server was found to lack, one after the other. */
  #lacking = 0
  #newest: 'known' | 'unsure' | 'asked again' = 'known'

  constructor(versions: readonly string[]) {
    this.#versions = versions
  }

  get current(): string {
    return this.#versions[this.#at]
  }

  /** The server lacks it: the next one is asked for. False: it lacks all of them. */
  lacks(): boolean {
    this.#at = (this.#at + 1) % this.#versions.length
    if (this.#newest === 'known') this.#newest = 'unsure'
    if (++this.#lacking < this.#versions.length) return true
    this.#lacking = 0
    return false
  }

  /** The server has it; false: a newer one has to be asked for again. */
  found(): boolean {
    this.#lacking = 0
    const isNewest = this.#at === 0 || this.#newest !== 'unsure'
    this.#newest = isNewest ? 'known' : 'asked again'
    if (!isNewest) this.#at = 0
    return isNewest
  }
}
