/**
 * Pending operations, and the queue of completions. Operations wait only here, never in the kernel,
 * so each can be cancelled at any time.
 */

import { assert } from '../../base/assert.ts'
import { ACCEPT, Descriptors, type Kind, Known, SEND } from './descriptors.ts'
import { ET, IN, OUT, PRI, RDHUP } from './epoll.ts'
import type { Poller } from './poller.ts'
import { Later, Queue } from './queue.ts'

/** PRI, or bytes behind urgent data would never be reported. */
const SOCKET_EVENTS = IN | PRI | OUT | RDHUP | ET

export class Waiting {
  readonly descriptors = new Descriptors()
  readonly queue = new Queue()
  /** Descriptors due in the next turn without an event. */
  readonly again = new Later()
  readonly #poller: Poller

  constructor(poller: Poller) {
    this.#poller = poller
  }

  /**
   * Adds an operation; false if its socket cannot be registered, and it has completed with that
   * error.
   */
  begin(fd: number, kind: Kind, word: number, generation: number): boolean {
    const { descriptors } = this
    descriptors.include(fd)
    assert((descriptors.waiting[fd] & (1 << kind)) === 0, 'the same is asked of a socket twice')
    descriptors.wait(fd, kind, word, generation)
    if ((descriptors.known[fd] & Known.registered) !== 0) return true
    const result = this.#poller.add(fd, SOCKET_EVENTS, descriptors.mark[fd])
    if (result < 0) this.finish(fd, kind, result, 0)
    else descriptors.known[fd] |= Known.registered
    return result >= 0
  }

  /** A completion of an operation that continues. */
  tell(fd: number, kind: Kind, result: number, flags: number): void {
    const { descriptors } = this
    this.queue.put(descriptors.word(fd, kind), descriptors.generation(fd, kind), result, flags)
  }

  /** Its last completion. */
  finish(fd: number, kind: Kind, result: number, flags: number): void {
    this.descriptors.waiting[fd] &= ~(1 << kind)
    this.tell(fd, kind, result, flags)
  }

  /** Cancels it; the result of a send is the number of bytes sent so far. */
  end(fd: number, kind: Kind, result: number): void {
    if (kind === ACCEPT) this.#poller.remove(fd)
    const sent = kind === SEND ? this.descriptors.sendDone[fd] : 0
    this.finish(fd, kind, sent > 0 ? sent : result, 0)
  }

  /** Cancels all operations of a socket; returns their number. */
  endAll(fd: number, result: number): number {
    let count = 0
    for (let left = this.descriptors.waiting[fd]; left > 0; left &= left - 1, count++)
      this.end(fd, (31 - Math.clz32(left & -left)) as Kind, result)
    return count
  }

  lookAgain(fd: number): void {
    const { known } = this.descriptors
    if ((known[fd] & Known.queued) !== 0) return
    known[fd] |= Known.queued
    this.again.put(fd)
  }
}
