/** Whether every worker has opened every listener, as far as there are any. */

import type { WorkerStatus } from './worker-record.ts'

export class Opening {
  /** Whether the newest table has a listener that opens. */
  #opens = false
  /** Whether each worker has opened every listener, since there was one. */
  #opened = false
  /** The first table with a listener, after none or one without. */
  #opensSince = 0
  #announced = false

  /** @param opens  Whether the table has a listener that opens. */
  publishing(generation: number, opens: boolean): void {
    if (opens && !this.#opens) {
      this.#opened = false
      this.#opensSince = generation
    }
    this.#opens = opens
  }

  look(workers: readonly WorkerStatus[]): void {
    this.#opened ||= workers.every(each => this.#hasOpened(each))
  }

  /** Whether nothing is left to open. */
  get isDone(): boolean {
    return this.#opened || !this.#opens
  }

  /** True once: at the first call after every listener was opened. */
  announces(): boolean {
    if (this.#announced || !this.#opens || !this.isDone) return false
    this.#announced = true
    return true
  }

  /** A worker's report about an older table without a listener does not count. */
  #hasOpened({ generation, failures }: WorkerStatus): boolean {
    return this.#opens && generation >= this.#opensSince && failures.length === 0
  }
}
