/**
 * Asks the kernel for operations on a connection's sockets: the only place that tags an operation
 * with its connection and counts it in flight until its last completion. If one were forgotten, its
 * socket could be closed and reused by another connection in the middle of it.
 */

import { type Kernel, LARGE, MORE, POLL_IN, POLL_OUT, type Pool } from '../../kernel/kernel.ts'
import { subject } from '../../kernel/user-data.ts'
import type { Decision } from '../decide/decision.ts'
import * as Operation from './operations.ts'
import { type Side, type Slots, UPSTREAM } from './slots.ts'

export class Ask {
  readonly #kernel: Kernel
  readonly #slots: Slots

  constructor(kernel: Kernel, slots: Slots) {
    this.#kernel = kernel
    this.#slots = slots
  }

  /** Connects the upstream's socket to the decided endpoint. */
  connect(slot: number, { family, address, port }: Decision): void {
    const { fd, generation } = this.#slots
    const word = this.#ask(slot, Operation.CONNECT, UPSTREAM)
    const to = fd[2 * slot + UPSTREAM]
    this.#kernel.connect(to, family === 4 ? 4 : 6, address, port, word, generation[slot])
  }

  receive(slot: number, side: Side, pool: Pool, repeats: boolean): void {
    const { fd, generation } = this.#slots
    const word = this.#ask(slot, pool === LARGE ? Operation.RECEIVE_LARGER : Operation.RECEIVE, side)
    this.#kernel.receive(fd[2 * slot + side], pool, repeats, word, generation[slot])
  }

  /** Sends the bytes at this place of the kernel's memory to `side`. */
  send(slot: number, side: Side, at: number, bytes: number, more: boolean): void {
    const { fd, generation } = this.#slots
    const word = this.#ask(slot, Operation.SEND, side)
    this.#kernel.send(fd[2 * slot + side], at, bytes, more, word, generation[slot])
  }

  readable(slot: number, side: Side): void {
    const { fd, generation } = this.#slots
    const word = this.#ask(slot, Operation.READABLE, side)
    this.#kernel.ready(fd[2 * slot + side], POLL_IN, word, generation[slot])
  }

  writable(slot: number, side: Side): void {
    const { fd, generation } = this.#slots
    const word = this.#ask(slot, Operation.WRITABLE, side)
    this.#kernel.ready(fd[2 * slot + side], POLL_OUT, word, generation[slot])
  }

  watch(slot: number, side: Side): void {
    const { fd, generation } = this.#slots
    const word = this.#ask(slot, Operation.WATCH, side)
    this.#kernel.watch(fd[2 * slot + side], word, generation[slot])
  }

  /** Cancels the side's operation of this kind; it ends with its own completion. */
  cancel(slot: number, kind: number, side: Side): void {
    const generation = this.#slots.generation[slot]
    const word = this.#ask(slot, Operation.CANCEL, side)
    this.#kernel.cancel(subject(slot, kind | side), generation, word, generation)
  }

  /** Cancels all operations on the side's socket. */
  cancelAll(slot: number, side: Side): void {
    const { fd, generation } = this.#slots
    const word = this.#ask(slot, Operation.CANCEL, side)
    this.#kernel.cancelAll(fd[2 * slot + side], word, generation[slot])
  }

  /** Closes the side's socket, which has nothing in flight; makes no completion. */
  close(slot: number, side: Side): void {
    const { fd, generation } = this.#slots
    const word = subject(slot, Operation.CLOSE | side)
    this.#kernel.close(fd[2 * slot + side], word, generation[slot])
  }

  /** A completion of the slot has come. */
  completed(slot: number, flags: number): void {
    if ((flags & MORE) === 0) this.#slots.inFlight[slot]--
  }

  #ask(slot: number, kind: number, side: Side): number {
    this.#slots.inFlight[slot]++
    return subject(slot, kind | side)
  }
}
