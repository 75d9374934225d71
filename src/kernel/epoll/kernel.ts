/**
 * The kernel (../kernel.ts) by epoll: turns readiness into completions, for systems without
 * io_uring.
 *
 * wait    asks once for all which descriptors have events next    takes a completion; without one,
 * performs what the next event allows: an accept, a receive, the rest of a send
 *
 * So bytes are received in their turn and sent on at once, from a buffer that is still in the
 * cache. Operations run at once if possible (connect, send, close), but complete from the queue,
 * never inside the call.
 *
 * Each socket is registered once, edge-triggered, for all events, and never changed: waiting.ts
 * knows the pending operations, and epoll only reports that a retry may succeed. A listener is
 * level-triggered and registered only while it accepts, so it is quiet when descriptors run out.
 */

import type { Family } from '../../address/address.ts'
import { assert } from '../../base/assert.ts'
import { Arena } from '../arena.ts'
import { Errno } from '../errno.ts'
import { isQuiet } from '../held.ts'
import {
  BUFFER_BYTES,
  type Kernel,
  LARGE,
  LARGE_ONES,
  MORE,
  type Pool as PoolName,
  SMALL_ONES,
} from '../kernel.ts'
import * as libc from '../libc.ts'
import { Pipes } from '../pipes.ts'
import { SOCKET_ADDRESS_BYTES, writeSocketAddress } from '../socket-address.ts'
import { wake } from '../wake.ts'
import { Bytes } from './bytes.ts'
import {
  ACCEPT,
  CONNECT,
  type Descriptors,
  type Kind,
  Known,
  READABLE,
  RECEIVE,
  SEND,
  WATCH,
  WRITABLE,
} from './descriptors.ts'
import { ET, IN, OUT } from './epoll.ts'
import { POLLER_BYTES, Poller } from './poller.ts'
import { Pool } from './pool.ts'
import type { Queue } from './queue.ts'
import { EpollSockets } from './sockets.ts'
import { Turn } from './turn.ts'
import { Waiting } from './waiting.ts'

/** No queue limits operations here. */
const ROOM = 65_536
/** epoll_wait(2) takes an i32; a longer wait is interrupted once. */
const WAIT_MS_MAX = 2 ** 31 - 1

export class EpollKernel implements Kernel {
  readonly name = 'epoll'
  readonly memory: Arena
  readonly small: Pool
  readonly large: Pool
  readonly sockets: EpollSockets
  readonly pipes: Pipes
  readonly wakeFd: number
  readonly rouse = wake
  word = 0
  generation = 0
  result = 0
  flags = 0
  readonly #poller: Poller
  readonly #waiting: Waiting
  readonly #bytes: Bytes
  /** Index in `#waiting`. */
  readonly #descriptors: Descriptors
  readonly #queue: Queue
  readonly #turn: Turn
  /** The awaited wake; whether one came while none was awaited. */
  #wakeWord = 0
  #awaitsWake = false
  #woken = false
  readonly #address: number

  private constructor(arena: Arena, poller: Poller, wakeFd: number) {
    this.memory = arena
    this.#poller = poller
    this.wakeFd = wakeFd
    const waiting = new Waiting(poller)
    this.#waiting = waiting
    this.#descriptors = waiting.descriptors
    this.#queue = waiting.queue
    this.small = new Pool(arena, SMALL_ONES)
    this.large = new Pool(arena, LARGE_ONES)
    this.pipes = new Pipes(arena)
    this.sockets = new EpollSockets({
      arena,
      descriptors: this.#descriptors,
      onBroken: (fd, result) => waiting.endAll(fd, result),
    })
    const { sockets, small, large } = this
    this.#bytes = new Bytes({ arena, waiting, sockets, small, large })
    const bytes = this.#bytes
    this.#turn = new Turn({ poller, waiting, bytes, sockets, wakeFd, onWake: () => this.#wake() })
    this.#address = arena.take(SOCKET_ADDRESS_BYTES)
    this.#descriptors.include(wakeFd)
    const result = poller.add(wakeFd, IN | ET, this.#descriptors.mark[wakeFd])
    assert(result === 0, 'an eventfd can be waited for')
  }

  /** For this thread, or −errno: what each means is in probe.ts. */
  static open(wakeFd: number): EpollKernel | number {
    const arena = Arena.map(BUFFER_BYTES + POLLER_BYTES + 65_536)
    if (typeof arena === 'number') return arena
    const poller = Poller.open(arena)
    return typeof poller === 'number' ? poller : new EpollKernel(arena, poller, wakeFd)
  }

  wait(waitMs: number): number {
    if (this.#turn.isBusy) return 0 // if not everything was taken, the rest comes first
    const isIdle = this.#queue.isEmpty && this.#waiting.again.count === 0
    const count = this.#poller.wait(isIdle ? Math.min(Math.ceil(waitMs), WAIT_MS_MAX) : 0)
    this.#turn.begin(Math.max(count, 0))
    return Math.min(count, 0)
  }

  submit(): number {
    return 0
  }

  next(): boolean {
    while (this.#queue.isEmpty) {
      if (!this.#turn.isBusy) return false
      this.#turn.work()
    }
    const at = this.#queue.take()
    const { words } = this.#queue
    this.word = words[at]
    this.generation = words[at + 1] >>> 0
    this.result = words[at + 2]
    this.flags = words[at + 3]
    return true
  }

  room(): number {
    return ROOM
  }

  lost(): number {
    return 0
  }

  // ── what is asked

  accept(fd: number, word: number, generation: number): void {
    this.#descriptors.include(fd)
    const result = this.#poller.add(fd, IN, this.#descriptors.mark[fd])
    if (result < 0) this.#queue.put(word, generation, result, 0)
    else this.#descriptors.wait(fd, ACCEPT, word, generation)
  }

  connect(
    fd: number,
    family: Family,
    words: ArrayLike<number>,
    port: number,
    word: number,
    generation: number,
  ): void {
    const bytes = writeSocketAddress(this.memory, this.#address, family, words, port)
    const result = libc.connect(fd, this.memory.base + this.#address, bytes)
    // Registered after the call: before it, a socket has "hung up".
    if (result === -Errno.EINPROGRESS || result === -Errno.EIO)
      this.#waiting.begin(fd, CONNECT, word, generation)
    else this.#queue.put(word, generation, result, 0)
  }

  receive(fd: number, pool: PoolName, repeats: boolean, word: number, generation: number): void {
    if (!this.#waiting.begin(fd, RECEIVE, word, generation)) return
    const { known } = this.#descriptors
    known[fd] &= ~(Known.repeats | Known.large)
    known[fd] |= (repeats ? Known.repeats : 0) | (pool === LARGE ? Known.large : 0)
    if ((known[fd] & Known.ended) !== 0) this.#waiting.finish(fd, RECEIVE, 0, 0)
    else if ((known[fd] & Known.readable) !== 0) this.#waiting.lookAgain(fd)
  }

  send(fd: number, at: number, bytes: number, more: boolean, word: number, generation: number): void {
    const descriptors = this.#descriptors
    descriptors.include(fd)
    const result = this.#bytes.send(fd, at, bytes, more)
    if (result === bytes || (result < 0 && result !== -Errno.EAGAIN)) {
      this.#queue.put(word, generation, result, 0)
      return
    }
    if (!this.#waiting.begin(fd, SEND, word, generation)) return
    const sent = Math.max(result, 0)
    descriptors.sendAt[fd] = at + sent
    descriptors.sendLeft[fd] = bytes - sent
    descriptors.sendDone[fd] = sent
    if (more) descriptors.known[fd] |= Known.more
    else descriptors.known[fd] &= ~Known.more
  }

  ready(fd: number, events: number, word: number, generation: number): void {
    assert(events === IN || events === OUT, 'one event is waited for')
    const kind = events === IN ? READABLE : WRITABLE
    if (!this.#waiting.begin(fd, kind, word, generation) || this.#poller.ask(fd, events) === 0) return
    this.#descriptors.known[fd] |= events === IN ? Known.foundReadable : Known.foundWritable
    this.#waiting.lookAgain(fd)
  }

  watch(fd: number, word: number, generation: number): void {
    if (!this.#waiting.begin(fd, WATCH, word, generation)) return
    const seen = this.#descriptors.seen[fd]
    if (seen !== 0) this.#queue.put(word, generation, seen, MORE)
  }

  cancel(targetWord: number, targetGeneration: number, word: number, generation: number): void {
    const found = this.#descriptors.find(targetWord, targetGeneration)
    if (found >= 0) this.#waiting.end(found >> 3, (found & 7) as Kind, -Errno.ECANCELED)
    this.#queue.put(word, generation, found >= 0 ? 0 : -Errno.ENOENT, 0)
  }

  cancelAll(fd: number, word: number, generation: number): void {
    this.#queue.put(word, generation, this.#waiting.endAll(fd, -Errno.ECANCELED), 0)
  }

  close(fd: number, word: number, generation: number): void {
    const result = this.sockets.close(fd)
    if (result < 0) this.#queue.put(word, generation, result, 0)
  }

  wake(word: number): void {
    this.#wakeWord = word
    this.#awaitsWake = true
    if (this.#woken) this.#wake()
  }

  stop(): void {
    isQuiet()
  }

  end(): void {
    this.#poller.close()
    this.memory.unmap()
  }

  #wake(): void {
    this.#woken = !this.#awaitsWake
    if (this.#awaitsWake) this.#queue.put(this.#wakeWord, 0, 0, 0)
    this.#awaitsWake = false
  }
}
