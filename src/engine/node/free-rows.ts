/** Free rows of the journal, last in, first out. */

export class FreeRows {
  readonly #count: number
  readonly #free: number[] = []
  #used = 0

  constructor(count: number) {
    this.#count = count
  }

  /** A row, or −1 if all are taken. */
  take(): number {
    return this.#free.pop() ?? (this.#used < this.#count ? this.#used++ : -1)
  }

  give(row: number): void {
    this.#free.push(row)
  }
}
