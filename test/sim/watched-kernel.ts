/** A simulated kernel that tells which connects it is asked for, and what became of them. */

import { CONNECT, kindOf, SEND } from '../../src/engine/flow/operations.ts'
import { operationOf } from '../../src/kernel/user-data.ts'
import type { Dials } from './dials.ts'
import { type Machine, SimulatedKernel } from './kernel.ts'

export class WatchedKernel extends SimulatedKernel {
  readonly #worker: number
  readonly #dials: Dials

  constructor(machine: Machine, worker: number, wakeFd: number, dials: Dials) {
    super(machine, worker, wakeFd)
    this.#worker = worker
    this.#dials = dials
  }

  override wait(waitMs: number): number {
    this.#dials.settle(this.#worker)
    return super.wait(waitMs)
  }

  override next(): boolean {
    this.#dials.settle(this.#worker)
    if (!super.next()) return false
    if (kindOf(operationOf(this.word)) === CONNECT)
      this.#dials.completed(this.#worker, this.word, this.result)
    if (kindOf(operationOf(this.word)) === SEND && this.result > 0) this.#dials.took(this.#worker, this.word)
    return true
  }

  override connect(
    fd: number,
    family: 4 | 6,
    words: ArrayLike<number>,
    port: number,
    word: number,
    generation: number,
  ): void {
    this.#dials.began(this.#worker, word, { family, words, port })
    super.connect(fd, family, words, port, word, generation)
  }
}
