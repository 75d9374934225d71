/**
 * What weir says to one upstream until their handshake is over: pieces that go out in order, one
 * send in the kernel at a time.
 */

import { Errno } from '../../kernel/errno.ts'
import type { Ask } from './ask.ts'
import * as Operation from './operations.ts'
import type { Queues } from './queues.ts'
import { UPSTREAM } from './slots.ts'
import type { Piece } from './tls-pieces.ts'

export class HandshakeSends {
  /** The first may be in the kernel. */
  readonly pieces: Piece[] = []
  /** Whether something of it is in the kernel: a send, or a poll. */
  isBusy = false
  readonly #ask: Ask
  readonly #queues: Queues
  /** Of the first piece. */
  #sentBytes = 0
  #awaits = Operation.SEND
  #isGivenUp = false

  constructor(ask: Ask, queues: Queues) {
    this.#ask = ask
    this.#queues = queues
  }

  /** Sends the first piece, unless something is in the kernel. */
  next(slot: number): void {
    const [first] = this.pieces
    if (this.isBusy || this.#isGivenUp || first === undefined) return
    this.isBusy = true
    this.#awaits = Operation.SEND
    const at = this.#queues.placeOf(first.buffer) + this.#sentBytes
    this.#ask.send(slot, UPSTREAM, at, first.bytes - this.#sentBytes, this.pieces.length > 1)
  }

  /**
   * A send has completed. Returns 0, or the error that ends them all: once they are given up, any
   * result is one. A socket that takes nothing at the moment is none.
   */
  sent(slot: number, result: number): number {
    const [first] = this.pieces
    this.isBusy = false
    if (this.#isGivenUp || first === undefined) return -Errno.ECONNRESET
    if (result <= 0 && result !== -Errno.EAGAIN) return result || -Errno.ECONNRESET
    if (result < 0) this.#await(slot)
    else {
      this.#advance(first, result)
      this.next(slot)
    }
    return 0
  }

  /**
   * Gives them up, and gives back the buffers but that of a send in the kernel, which reads it
   * until it completes.
   */
  giveUp(): void {
    this.#isGivenUp = true
    for (const { buffer } of this.pieces.splice(this.isBusy ? 1 : 0)) this.#queues.give(buffer)
  }

  /** Calls back what is in the kernel. */
  cancel(slot: number): void {
    if (this.isBusy) this.#ask.cancel(slot, this.#awaits, UPSTREAM)
  }

  /** The rest goes once its socket takes something again. */
  #await(slot: number): void {
    this.#ask.writable(slot, UPSTREAM)
    this.#awaits = Operation.WRITABLE
    this.isBusy = true
  }

  /** So many bytes of the first piece have gone out, perhaps not all. */
  #advance(first: Piece, bytes: number): void {
    this.#sentBytes += bytes
    if (this.#sentBytes < first.bytes) return
    this.#sentBytes = 0
    this.pieces.shift()
    this.#queues.give(first.buffer)
  }
}
