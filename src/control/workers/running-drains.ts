/** Drains of selected connections that are under way: each is followed until it has found all. */

import type { Order } from '../../engine/worker/protocol.ts'
import type { Observer } from '../observe/observer.ts'
import { SelectedDrain, type Selection } from './selected-drain.ts'

/** How often a drain looks whether connections have been decided. */
const LOOK_MS = 50

export class RunningDrains {
  readonly #observer: Observer
  readonly #tell: (orders: ReadonlyMap<number, Order>) => void
  /** Of those that wait for connections to be decided. */
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(observer: Observer, tell: (orders: ReadonlyMap<number, Order>) => void) {
    this.#observer = observer
    this.#tell = tell
  }

  /** Resets what is selected over a time, with this reason or `drain`. */
  start(selection: Selection, overMs: number, reason?: number): SelectedDrain {
    const drain = new SelectedDrain(this.#observer, selection, overMs, reason)
    this.#tell(drain.orders())
    this.#follow(drain)
    return drain
  }

  close(): void {
    for (const timer of this.#timers) this.#unfollow(timer)
  }

  /** Until nothing that it may select is still being opened; that has a deadline. */
  #follow(drain: SelectedDrain): void {
    if (drain.undecided === 0) return
    const timer = setInterval(() => {
      this.#tell(drain.laterOrders())
      if (drain.undecided === 0) this.#unfollow(timer)
    }, LOOK_MS).unref()
    this.#timers.add(timer)
  }

  #unfollow(timer: NodeJS.Timeout): void {
    clearInterval(timer)
    this.#timers.delete(timer)
  }
}
