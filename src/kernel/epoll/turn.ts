/**
 * The steps of a turn: epoll's events, then deferred work. Each step completes pending operations,
 * or none.
 */

import { Errno } from '../errno.ts'
import { MORE } from '../kernel.ts'
import type { Bytes } from './bytes.ts'
import {
  ACCEPT,
  CONNECT,
  type Descriptors,
  Known,
  READABLE,
  RECEIVE,
  SEND,
  WATCH,
  WRITABLE,
} from './descriptors.ts'
import { ERR, HUP, IN, OUT, PRI, RDHUP } from './epoll.ts'
import type { Poller } from './poller.ts'
import type { EpollSockets } from './sockets.ts'
import type { Waiting } from './waiting.ts'

/** Accepted from one listener in a turn. */
const ACCEPTS_EACH = 64

type TurnOptions = {
  readonly poller: Poller
  readonly waiting: Waiting
  readonly bytes: Bytes
  readonly sockets: EpollSockets
  readonly wakeFd: number
  readonly onWake: () => void
}

export class Turn {
  readonly #options: TurnOptions
  readonly #poller: Poller
  readonly #waiting: Waiting
  readonly #descriptors: Descriptors
  readonly #bytes: Bytes
  /** The number of events, and how many of them were handled. */
  #events = 0
  #eventsDone = 0
  /** Deferred descriptors left for this turn. */
  #dueLeft = 0
  #number = 1
  /** The current listener, or −1, and the number of its accepts. */
  #listener = -1
  #accepts = 0

  constructor(options: TurnOptions) {
    this.#options = options
    this.#poller = options.poller
    this.#waiting = options.waiting
    this.#descriptors = options.waiting.descriptors
    this.#bytes = options.bytes
  }

  /** Whether `work` has something to do. */
  get isBusy(): boolean {
    return this.#listener >= 0 || this.#eventsDone < this.#events || this.#dueLeft > 0
  }

  /** Begins the next turn, with this many events. */
  begin(events: number): void {
    this.#events = events
    this.#eventsDone = 0
    this.#dueLeft = this.#waiting.again.count
    this.#number = (this.#number + 1) >>> 0
  }

  /** The next step; there must be one. */
  work(): void {
    if (this.#listener >= 0) this.#accept(this.#listener)
    else if (this.#eventsDone < this.#events) this.#event(this.#eventsDone++)
    else {
      this.#dueLeft--
      this.#look(this.#waiting.again.take())
    }
  }

  #event(index: number): void {
    const fd = this.#poller.descriptor(index)
    const { mark, waiting, known, seen } = this.#descriptors
    if (this.#poller.mark(index) !== mark[fd]) return // closed in this turn
    const events = this.#poller.events(index)
    if (fd === this.#options.wakeFd) this.#options.onWake()
    else if ((waiting[fd] & (1 << ACCEPT)) !== 0) {
      this.#listener = fd
      this.#accepts = 0
    } else {
      if ((events & ~OUT) !== 0) known[fd] |= Known.readable
      if ((events & PRI) !== 0) known[fd] |= Known.urgent
      const fresh = events & (ERR | HUP | RDHUP) & ~seen[fd]
      seen[fd] |= fresh
      if (waiting[fd] === 1 << RECEIVE) this.#receive(fd)
      else if (waiting[fd] !== 0) this.#serve(fd, events, fresh)
    }
  }

  /** Resumes the pending operations of this socket. */
  #serve(fd: number, events: number, fresh: number): void {
    const all = this.#descriptors.waiting[fd]
    const writable = events & (OUT | ERR | HUP)
    const readable = events & ~OUT
    if ((all & (1 << CONNECT)) !== 0) this.#connected(fd, events)
    if ((all & (1 << SEND)) !== 0 && writable !== 0) this.#bytes.sendOn(fd)
    if ((all & (1 << WRITABLE)) !== 0 && writable !== 0) this.#waiting.finish(fd, WRITABLE, writable, 0)
    if ((all & (1 << READABLE)) !== 0 && readable !== 0) this.#waiting.finish(fd, READABLE, readable, 0)
    if ((all & (1 << WATCH)) !== 0 && fresh !== 0) this.#waiting.tell(fd, WATCH, fresh, MORE)
    if ((all & (1 << RECEIVE)) !== 0) this.#receive(fd)
  }

  #receive(fd: number): void {
    if ((this.#descriptors.known[fd] & Known.readable) !== 0) this.#bytes.receive(fd, this.#number)
  }

  /** Resumes what was deferred to this turn. */
  #look(fd: number): void {
    const descriptors = this.#descriptors
    const known = descriptors.known[fd]
    if ((known & Known.queued) === 0) return // closed since then
    descriptors.known[fd] &= ~(Known.queued | Known.foundReadable | Known.foundWritable)
    if ((known & Known.foundWritable) !== 0 && descriptors.isWaiting(fd, WRITABLE))
      this.#waiting.finish(fd, WRITABLE, OUT, 0)
    if ((known & Known.foundReadable) !== 0 && descriptors.isWaiting(fd, READABLE))
      this.#waiting.finish(fd, READABLE, IN, 0)
    if (descriptors.isWaiting(fd, RECEIVE)) this.#receive(fd)
  }

  #accept(listener: number): void {
    const isOver = !this.#descriptors.isWaiting(listener, ACCEPT) || this.#accepts++ === ACCEPTS_EACH
    const result = isOver ? -Errno.EAGAIN : this.#options.sockets.accept(listener)
    if (result >= 0) {
      this.#waiting.tell(listener, ACCEPT, result, MORE)
      return
    }
    this.#listener = -1
    if (result !== -Errno.EAGAIN && result !== -Errno.EIO) this.#waiting.end(listener, ACCEPT, result)
  }

  #connected(fd: number, events: number): void {
    const isBroken = (events & (ERR | HUP)) !== 0
    const { sockets } = this.#options
    if (isBroken) this.#waiting.finish(fd, CONNECT, sockets.pendingError(fd) || -Errno.ECONNRESET, 0)
    else if ((events & OUT) !== 0) this.#waiting.finish(fd, CONNECT, 0, 0)
  }
}
