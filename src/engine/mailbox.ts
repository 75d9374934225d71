/**
 * A worker's orders, read in time: whoever accepts a connection first looks whether a newer table
 * has been posted.
 *
 * The look costs one atomic load (the epoch word that the supervisor raises once the order is in the
 * port); only when it has changed is the port read, without waiting for the event loop.
 */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Order, WorkerTask } from './protocol.ts'

export class Mailbox {
  readonly #port: MessagePort
  readonly #epoch: Int32Array
  readonly #obey: (order: Order) => void
  #seen = 0

  /** @param obey  Called for each order, in the order in which they were posted. */
  constructor(task: WorkerTask, obey: (order: Order) => void) {
    this.#port = task.port
    this.#epoch = new Int32Array(task.epoch)
    this.#obey = obey
  }

  /** Obeys what has arrived, if the epoch says that something has. */
  readonly refresh = (): void => {
    if (Atomics.load(this.#epoch, 0) !== this.#seen) this.receive()
  }

  /** Obeys everything that has arrived. */
  receive(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port) as { message: Order } | undefined
      if (!received) return
      this.obey(received.message)
    }
  }

  readonly obey = (order: Order): void => {
    if (order.kind === 'table') this.#seen = order.generation
    this.#obey(order)
  }
}
