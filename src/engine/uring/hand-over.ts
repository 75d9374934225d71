/**
 * Which worker an accepted connection goes to: the kernel spreads them by a hash of their addresses,
 * and knows nothing of those that stay (SO_REUSEPORT).
 *
 * A worker's load is its open connections and those in its inbox. A worker keeps what it accepts
 * while its load is at most the least of all plus the slack, and gives it to the least loaded
 * otherwise. So while connections only come, no two of W workers are further apart than the slack
 * and 1, and none further from the mean than (W − 1) / W of that: with 1 000 long ones over 4 workers
 * 16 of 250. Connections that end may leave more; those that come then are what levels it.
 *
 * The slack is wide enough for the ups and downs of short connections under even load, for which a
 * hand-over would be cost without gain.
 */

import { Counter, type Stats } from '../../stats/stats.ts'
import { Inboxes } from '../inboxes.ts'
import type { WorkerTask } from '../protocol.ts'

/** What a worker may have more than the least loaded one: this, or a 12th of that one's load where it is more. */
const SLACK_LEAST = 16
const SLACK_SHARE = 1 / 12

export class HandOver {
  readonly #worker: number
  readonly #stats: Stats
  readonly #inboxes: Inboxes
  #generation = 0

  constructor(task: WorkerTask, stats: Stats) {
    this.#worker = task.index
    this.#stats = stats
    this.#inboxes = new Inboxes(task.inboxes)
  }

  /** The eventfd that this worker's predecessor had, or −1. */
  get wakeFd(): number {
    return this.#inboxes.wakeFd(this.#worker)
  }

  set wakeFd(fd: number) {
    this.#inboxes.setWakeFd(this.#worker, fd)
  }

  /** Gives and takes by the table of this generation. */
  open(generation: number): void {
    this.#generation = generation
    this.#inboxes.open(this.#worker, generation)
  }

  /** Gives nothing any more, and gets no more than what `take` finds next. */
  close(): void {
    this.#generation = 0
    this.#inboxes.close(this.#worker)
  }

  /** Whether another worker has `fd` now, which the listener at `row` has accepted. */
  pass(fd: number, row: number): boolean {
    const worker = this.#generation === 0 ? this.#worker : this.#choose()
    if (worker === this.#worker || !this.#inboxes.give(worker, this.#generation, fd, row)) return false
    this.#stats.counters[this.#worker][Counter.handedOver]++
    return true
  }

  take(onTaken: (fd: number, row: number) => void): void {
    this.#inboxes.take(this.#worker, onTaken)
  }

  #choose(): number {
    const own = this.#load(this.#worker)
    if (own <= SLACK_LEAST) return this.#worker
    let least = own
    let chosen = this.#worker
    for (let worker = 0; worker < this.#stats.workers; worker++) {
      const load = this.#load(worker)
      if (load >= least || !this.#inboxes.isOpen(worker, this.#generation)) continue
      least = load
      chosen = worker
    }
    return own > least + Math.max(SLACK_LEAST, least * SLACK_SHARE) ? chosen : this.#worker
  }

  #load(worker: number): number {
    return this.#stats.counters[worker][Counter.open] + this.#inboxes.waiting(worker)
  }
}
