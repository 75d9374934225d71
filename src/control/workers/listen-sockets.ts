/**
 * The workers' listening sockets, as far as another process is concerned (control/take-over): they
 * are asked for, inherited from it, or shared with it.
 *
 * Each worker has its own socket for each listener (SO_REUSEPORT), with a queue of its own. A
 * process that takes over deals them out to its workers, however many it has:
 *
 *   more workers than sockets   the others open their own, once all accept
 *   fewer                       a worker accepts from several
 *
 * So every socket keeps being accepted from, and no queue is lost.
 */

import { settlesWithin } from '../../base/settles-within.ts'
import type { InheritedSockets, ListeningSocket, Order } from '../../engine/worker/protocol.ts'
import { rouse, type SupervisorEvent, type Worker } from './worker-record.ts'

/** A worker answers in its next turn; one that does not is dead or stuck. */
const ANSWER_MS_MAX = 10_000
/** When inherited sockets are accepted from anew; the process before is busy at first. */
const ANEW_MS = [50, 250, 1_000, 5_000]

export class ListenSockets {
  readonly #workers: readonly Worker[]
  readonly #refused = Promise.withResolvers<string>()
  readonly #accepting = Promise.withResolvers<void>()
  /** Sockets are inherited, and not accepted from. */
  #isHeld = false
  /** What each worker said, and since when it ran then. */
  #told = new Map<Worker, { readonly startedMs: number; readonly sockets: readonly ListeningSocket[] }>()
  /** The places that another process serves by now. */
  #shared: ReadonlySet<string> = new Set()

  constructor(workers: readonly Worker[]) {
    this.#workers = workers
  }

  /** All of them, worker by worker, as of now. */
  async ask(): Promise<ListeningSocket[]> {
    this.#told = new Map()
    const answers = this.#workers.map(async worker => {
      const { startedMs } = worker
      const answer = Promise.withResolvers<readonly ListeningSocket[]>()
      worker.onSockets = answer.resolve
      tell(worker, { kind: 'sockets' })
      this.#told.set(worker, { startedMs, sockets: await answer.promise })
    })
    await settlesWithin(Promise.all(answers), ANSWER_MS_MAX)
    return [...this.#told.values()].flatMap(({ sockets }) => sockets)
  }

  /** The first table's listeners use these, and accept nothing before `accept`. */
  inherit(sockets: readonly ListeningSocket[]): void {
    this.#isHeld = true
    for (const [index, worker] of this.#workers.entries())
      tell(worker, { kind: 'inherit', sockets: dealt(sockets, index, this.#workers.length) })
  }

  /** Settles with the reason if inherited sockets cannot be accepted from after all. */
  get refused(): Promise<string> {
    return this.#refused.promise
  }

  /** Settles when inherited sockets are accepted from. */
  get accepting(): Promise<void> {
    return this.#accepting.promise
  }

  /** Until all accept, nothing may go wrong. */
  look(event: SupervisorEvent): void {
    if (!this.#isHeld) return
    if (event.kind === 'died') this.#refused.resolve(`worker ${event.worker} died: ${event.error.message}`)
    if (event.kind !== 'listening' || event.failures.length === 0) return
    const [{ listener, message }] = event.failures
    this.#refused.resolve(`listener ${listener} cannot open: ${message}`)
  }

  /** Accepts from what was inherited, if anything was. */
  accept(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    for (const worker of this.#workers) tell(worker, { kind: 'accept' })
    this.#accepting.resolve()
  }

  /**
   * The process before takes back its accepts in one of its next turns. Of two rings that wait at
   * one socket the kernel wakes one: where that one takes its accept back at the same moment, the
   * connection would wait in the queue until the next one comes.
   */
  acceptAnew(): void {
    for (const ms of ANEW_MS)
      setTimeout(() => {
        for (const worker of this.#workers) tell(worker, { kind: 'accept' })
      }, ms).unref()
  }

  /** Never accepts from what was inherited. */
  giveUp(): void {
    this.#isHeld = false
  }

  /** What waits at the sockets of these places waits for another process from now on. */
  share(places: ReadonlySet<string>): void {
    this.#shared = places
  }

  /** What a worker shares; nothing if it is a later one than was asked. */
  sharedOf(worker: Worker): readonly ListeningSocket[] {
    const told = this.#told.get(worker)
    if (told === undefined || told.startedMs !== worker.startedMs) return []
    return told.sockets.filter(({ place }) => this.#shared.has(place))
  }
}

function tell(worker: Worker, order: Order): void {
  worker.port?.postMessage(order)
  rouse(worker)
}

/** Of the sockets of each place, every so-and-so-many-th. */
function dealt(sockets: readonly ListeningSocket[], index: number, workers: number): InheritedSockets {
  const byPlace = new Map<string, number[]>()
  for (const { place, fd } of sockets) byPlace.getOrInsert(place, []).push(fd)
  return [...byPlace].map(([place, fds]) => ({ place, fds: fds.filter((_, at) => at % workers === index) }))
}
