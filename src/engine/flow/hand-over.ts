/**
 * Which worker gets an accepted connection. The kernel spreads connections by a hash of their
 * addresses (SO_REUSEPORT), and does not know which ones stay open.
 *
 * A worker's load is its open connections and those in its inbox. A worker keeps what it accepts
 * while its load is at most the minimum of all plus the slack, and otherwise gives it to the least
 * loaded. So while connections only come, no two of W workers differ by more than the slack and 1,
 * and none differs from the mean by more than (W − 1) / W of that: with 1 000 long ones over 4
 * workers 16 of 250, and a few more if several decide at the same moment. Connections that end may
 * leave a larger difference, which new ones level.
 *
 * Short connections are left alone: under even load their number varies by as much as there are,
 * since threads take turns, and is level again before a hand-over has paid. So the slack grows by
 * the short ones that ended here lately: a difference that will soon vanish does not count.
 * (Without that, 26 to 46 % of the short connections of a busy machine changed their worker; with
 * it, 0.1 % with 64 clients, and 5 % with 512.) Long connections among many short ones are
 * therefore levelled less.
 *
 * The loads of others lie in cache lines that they write all the time. So a worker looks at all of
 * them once a millisecond, or when it has more than the least that it saw allows: while connections
 * only come, that least is a lower bound.
 */

import { mark } from '../../base/mark.ts'
import type { Kernel } from '../../kernel/kernel.ts'
import { Counter, type Stats } from '../../stats/stats.ts'
import { Inboxes } from '../worker/inboxes.ts'
import type { WorkerTask } from '../worker/protocol.ts'
import { SHORT_MS, type Tally } from './tally.ts'

/**
 * How much more load than the least loaded worker is allowed: this, or a 12th of that one's load if
 * it is more.
 */
const SLACK_LEAST = 16
const SLACK_SHARE = 1 / 12
/** How long a look at the loads of others is good for. */
const LOOK_MS = 1

export class HandOver {
  readonly #kernel: Kernel
  readonly #worker: number
  readonly #stats: Stats
  readonly #inboxes: Inboxes
  readonly #tally: Tally
  /** The generation of the table whose listeners rows mean. */
  #generation = 0
  #isOpen = false
  #sinceMs = 0
  /** Short connections that had ended by then: in total, and in the last SHORT_MS. */
  #endedBySince = 0
  #endedBefore = 0
  /** The least load of the last look, and its time. */
  #least = 0
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(kernel: Kernel, task: WorkerTask, stats: Stats, tally: Tally) {
    this.#kernel = kernel
    this.#worker = task.index
    this.#stats = stats
    this.#tally = tally
    this.#inboxes = new Inboxes(task.inboxes, kernel.rouse)
  }

  /** Gives and takes by the table of this generation. */
  open(generation: number): void {
    this.#generation = generation
    this.#isOpen = true
    this.#lookedMs = Number.NEGATIVE_INFINITY
    this.#inboxes.open(this.#worker, generation)
  }

  /** Stops giving, and gets only what `take` finds next. */
  close(): void {
    this.#isOpen = false
    this.#inboxes.close(this.#worker)
  }

  /** Whether another worker now has `fd`, which the listener at `row` accepted. */
  pass(fd: number, row: number, nowMs: number): boolean {
    const worker = this.#isOpen ? this.#choose(nowMs) : this.#worker
    if (worker === this.#worker) return false
    const { sockets } = this.#kernel
    sockets.letGo(fd)
    if (!this.#inboxes.give(worker, this.#generation, fd, row)) {
      sockets.keep(fd)
      return false
    }
    mark('a connection is handed over')
    this.#stats.counters[this.#worker][Counter.handedOver]++
    return true
  }

  take(onTaken: (fd: number, row: number) => void): void {
    const { sockets } = this.#kernel
    this.#inboxes.take(this.#worker, this.#generation, (fd, row) => onTaken(sockets.keep(fd), row))
  }

  #choose(nowMs: number): number {
    const own = this.#load(this.#worker)
    const slack = SLACK_LEAST + this.#lately(nowMs)
    if (own <= slack) return this.#worker
    if (nowMs - this.#lookedMs < LOOK_MS && own <= allowedBy(this.#least, slack)) return this.#worker
    let least = Number.POSITIVE_INFINITY
    let chosen = this.#worker
    for (let worker = 0; worker < this.#stats.workers; worker++) {
      if (worker === this.#worker) continue
      const load = this.#load(worker)
      if (load >= least || !this.#inboxes.isOpen(worker, this.#generation)) continue
      least = load
      chosen = worker
    }
    this.#least = least
    this.#lookedMs = nowMs
    return own > allowedBy(least, slack) ? chosen : this.#worker
  }

  /** How many short ones ended here in the current SHORT_MS, or in the one before. */
  #lately(nowMs: number): number {
    const { short } = this.#tally
    const passedMs = nowMs - this.#sinceMs
    if (passedMs >= SHORT_MS) {
      this.#endedBefore = ((short - this.#endedBySince) * SHORT_MS) / passedMs
      this.#endedBySince = short
      this.#sinceMs = nowMs
    }
    return Math.max(this.#endedBefore, short - this.#endedBySince)
  }

  #load(worker: number): number {
    return this.#stats.counters[worker][Counter.open] + this.#inboxes.waiting(worker)
  }
}

/** The load that a worker may have beside the least. */
const allowedBy = (least: number, slack: number): number => least + Math.max(slack, least * SLACK_SHARE)
