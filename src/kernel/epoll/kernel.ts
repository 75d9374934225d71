/**
 * The kernel (../kernel.ts) by epoll: readiness turned into completions, for where io_uring is
 * forbidden.
 *
 *   wait    asks which descriptors something has happened to, once for all
 *   next    takes a completion; where there is none, it does what the next of those allows: an
 *           accept, a receive, the rest of a send
 *
 * So bytes are received when their turn has come, and sent on at once, from a buffer that is still in
 * the cache. What is asked is done at once where it can be (connect, send, close), but completes from
 * the queue, never inside the call.
 *
 * Each socket is registered once, edge-triggered, for all events, and never changed: what waits is
 * known here, and epoll only says that to try again is worth it. A socket is received from once in a
 * turn: who has more waits for the next one, so nobody starves behind a fast flow. A listener is
 * level-triggered, and registered only while it accepts, so one that has no descriptors left is quiet.
 *
 * Nothing is ever in the hands of the kernel: a cancel always succeeds, and a close may come at once.
 */

import type { Family } from '../../address/address.ts'
import { assert } from '../../base/assert.ts'
import { Arena } from '../arena.ts'
import { Errno } from '../errno.ts'
import { isQuiet } from '../held.ts'
import { type Kernel, LARGE, MORE, NONEMPTY, type Pool as PoolName } from '../kernel.ts'
import * as libc from '../libc.ts'
import { Pipes } from '../pipes.ts'
import { SOCKET_ADDRESS_BYTES, writeSocketAddress } from '../socket-address.ts'
import { wake } from '../wake.ts'
import {
  ACCEPT,
  CONNECT,
  Descriptors,
  type Kind,
  Known,
  READABLE,
  RECEIVE,
  SEND,
  WATCH,
  WRITABLE,
} from './descriptors.ts'
import { ERR, ET, HUP, IN, OUT, PRI, RDHUP } from './epoll.ts'
import { POLLER_BYTES, Poller } from './poller.ts'
import { Pool } from './pool.ts'
import { Queue } from './queue.ts'
import { EpollSockets } from './sockets.ts'

/** Only those that are used take memory. */
const SMALL_ONES = { count: 32_768, bytesEach: 2048 }
/** 64 KiB each cost 1.65 times the CPU. */
const LARGE_ONES = { count: 128, bytesEach: 262_144 }
const BUFFER_BYTES = SMALL_ONES.count * SMALL_ONES.bytesEach + LARGE_ONES.count * LARGE_ONES.bytesEach

/** PRI, or bytes behind urgent data would never be told. */
const SOCKET_EVENTS = IN | PRI | OUT | RDHUP | ET
/** Accepted from one listener in a turn. */
const ACCEPTS_EACH = 64
const MSG_MORE = 0x8000
/** No operation is limited by a queue here. */
const ROOM = 65_536
/** A call whose errno was lost (libc.ts) is made again, a few times. */
const ATTEMPTS = 4

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
  readonly #descriptors = new Descriptors()
  readonly #queue = new Queue()
  /** Events of this turn, and how many of them were looked at. */
  #events = 0
  #eventsDone = 0
  /** Descriptors to be looked at in this turn, how many were, and those for the next one. */
  #due: number[] = []
  #dueDone = 0
  #next: number[] = []
  #turn = 1
  /** The listener that is being accepted from, or −1, and how often it was. */
  #listener = -1
  #accepts = 0
  /** The wake that is waited for; whether one came while none was. */
  #wakeWord = 0
  #awaitsWake = false
  #woken = false
  readonly #address: number
  readonly #addressPointer: bigint

  private constructor(arena: Arena, poller: Poller, wakeFd: number) {
    this.memory = arena
    this.#poller = poller
    this.wakeFd = wakeFd
    this.small = new Pool(arena, SMALL_ONES.count, SMALL_ONES.bytesEach)
    this.large = new Pool(arena, LARGE_ONES.count, LARGE_ONES.bytesEach)
    this.pipes = new Pipes(arena)
    this.sockets = new EpollSockets({
      arena,
      descriptors: this.#descriptors,
      onBroken: (fd, result) => this.#finishAll(fd, result),
    })
    this.#address = arena.take(SOCKET_ADDRESS_BYTES)
    this.#addressPointer = arena.pointer(this.#address)
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
    if (this.#isBusy) return 0 // whoever waits before all was taken gets the rest first
    const isIdle = this.#queue.isEmpty && this.#next.length === 0
    const count = this.#poller.wait(isIdle ? Math.ceil(waitMs) : 0)
    this.#events = Math.max(count, 0)
    this.#eventsDone = 0
    const due = this.#due
    this.#due = this.#next
    this.#next = due
    this.#next.length = 0
    this.#dueDone = 0
    this.#turn = (this.#turn + 1) >>> 0
    return Math.min(count, 0)
  }

  submit(): number {
    return 0
  }

  next(): boolean {
    while (this.#queue.isEmpty) {
      if (!this.#isBusy) return false
      this.#work()
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
    const result = libc.connect(fd, this.#addressPointer, bytes)
    // Registered after the call: before it, a socket has "hung up".
    if (result === -Errno.EINPROGRESS || result === -Errno.EIO) this.#wait(fd, CONNECT, word, generation)
    else this.#queue.put(word, generation, result, 0)
  }

  receive(fd: number, pool: PoolName, repeats: boolean, word: number, generation: number): void {
    if (!this.#wait(fd, RECEIVE, word, generation)) return
    const { known } = this.#descriptors
    known[fd] &= ~(Known.repeats | Known.large)
    known[fd] |= (repeats ? Known.repeats : 0) | (pool === LARGE ? Known.large : 0)
    if ((known[fd] & Known.ended) !== 0) this.#finish(fd, RECEIVE, 0, 0)
    else if ((known[fd] & Known.readable) !== 0) this.#lookAgain(fd)
  }

  send(fd: number, at: number, bytes: number, more: boolean, word: number, generation: number): void {
    const descriptors = this.#descriptors
    descriptors.include(fd)
    const result = this.#send(fd, at, bytes, more)
    if (result === bytes || (result < 0 && result !== -Errno.EAGAIN)) {
      this.#queue.put(word, generation, result, 0)
      return
    }
    if (!this.#wait(fd, SEND, word, generation)) return
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
    if (this.#wait(fd, kind, word, generation) && this.#poller.ask(fd, events) !== 0) this.#lookAgain(fd)
  }

  watch(fd: number, word: number, generation: number): void {
    if (!this.#wait(fd, WATCH, word, generation)) return
    const seen = this.#descriptors.seen[fd]
    if (seen !== 0) this.#queue.put(word, generation, seen, MORE)
  }

  cancel(targetWord: number, targetGeneration: number, word: number, generation: number): void {
    const found = this.#descriptors.find(targetWord, targetGeneration)
    if (found >= 0) this.#callBack(found >> 3, (found & 7) as Kind, -Errno.ECANCELED)
    this.#queue.put(word, generation, found >= 0 ? 0 : -Errno.ENOENT, 0)
  }

  cancelAll(fd: number, word: number, generation: number): void {
    this.#queue.put(word, generation, this.#finishAll(fd, -Errno.ECANCELED), 0)
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

  // ── what waits

  /** Notes an operation that waits; false where its socket can't be waited for, which it completes with. */
  #wait(fd: number, kind: Kind, word: number, generation: number): boolean {
    const descriptors = this.#descriptors
    descriptors.include(fd)
    assert((descriptors.waiting[fd] & (1 << kind)) === 0, 'the same is asked of a socket twice')
    descriptors.wait(fd, kind, word, generation)
    if ((descriptors.known[fd] & Known.registered) !== 0) return true
    const result = this.#poller.add(fd, SOCKET_EVENTS, descriptors.mark[fd])
    if (result < 0) this.#finish(fd, kind, result, 0)
    else descriptors.known[fd] |= Known.registered
    return result >= 0
  }

  /** The last completion of an operation. */
  #finish(fd: number, kind: Kind, result: number, flags: number): void {
    const descriptors = this.#descriptors
    descriptors.waiting[fd] &= ~(1 << kind)
    this.#queue.put(descriptors.word(fd, kind), descriptors.generation(fd, kind), result, flags)
  }

  /** Ends an operation in the middle; what a send has sent by then is its result. */
  #callBack(fd: number, kind: Kind, result: number): void {
    if (kind === ACCEPT) this.#poller.remove(fd)
    const sent = kind === SEND ? this.#descriptors.sendDone[fd] : 0
    this.#finish(fd, kind, sent > 0 ? sent : result, 0)
  }

  /** All of a socket; their number. */
  #finishAll(fd: number, result: number): number {
    let count = 0
    for (let left = this.#descriptors.waiting[fd]; left > 0; left &= left - 1, count++)
      this.#callBack(fd, (31 - Math.clz32(left & -left)) as Kind, result)
    return count
  }

  /** In the next turn, without an event. */
  #lookAgain(fd: number): void {
    const { known } = this.#descriptors
    if ((known[fd] & Known.queued) !== 0) return
    known[fd] |= Known.queued
    this.#next.push(fd)
  }

  // ── what a turn does

  get #isBusy(): boolean {
    return this.#listener >= 0 || this.#eventsDone < this.#events || this.#dueDone < this.#due.length
  }

  /** The next thing; there must be one. */
  #work(): void {
    if (this.#listener >= 0) this.#accept(this.#listener)
    else if (this.#eventsDone < this.#events) this.#event(this.#eventsDone++)
    else this.#look(this.#due[this.#dueDone++])
  }

  #event(index: number): void {
    const poller = this.#poller
    const fd = poller.descriptor(index)
    const { mark, waiting, known, seen } = this.#descriptors
    if (poller.mark(index) !== mark[fd]) return // closed in this turn
    const events = poller.events(index)
    if (fd === this.wakeFd) this.#wake()
    else if ((waiting[fd] & (1 << ACCEPT)) !== 0) {
      this.#listener = fd
      this.#accepts = 0
    } else {
      if ((events & ~OUT) !== 0) known[fd] |= Known.readable
      if ((events & PRI) !== 0) known[fd] |= Known.urgent
      const fresh = events & (ERR | HUP | RDHUP) & ~seen[fd]
      seen[fd] |= fresh
      if (waiting[fd] !== 0) this.#serve(fd, events, fresh)
    }
  }

  /** What waits for this socket goes on. */
  #serve(fd: number, events: number, fresh: number): void {
    const waiting = this.#descriptors.waiting[fd]
    if ((waiting & ~(1 << RECEIVE)) !== 0) {
      const writable = events & (OUT | ERR | HUP)
      const readable = events & ~OUT
      if ((waiting & (1 << CONNECT)) !== 0) this.#connected(fd, events)
      if ((waiting & (1 << SEND)) !== 0 && writable !== 0) this.#sendOn(fd)
      if ((waiting & (1 << WRITABLE)) !== 0 && writable !== 0) this.#finish(fd, WRITABLE, writable, 0)
      if ((waiting & (1 << READABLE)) !== 0 && readable !== 0) this.#finish(fd, READABLE, readable, 0)
      if ((waiting & (1 << WATCH)) !== 0 && fresh !== 0) this.#tell(fd, fresh)
    }
    if ((waiting & (1 << RECEIVE)) !== 0 && (this.#descriptors.known[fd] & Known.readable) !== 0)
      this.#receive(fd)
  }

  /** A watch repeats. */
  #tell(fd: number, events: number): void {
    const descriptors = this.#descriptors
    this.#queue.put(descriptors.word(fd, WATCH), descriptors.generation(fd, WATCH), events, MORE)
  }

  /** What was put off until this turn. */
  #look(fd: number): void {
    const descriptors = this.#descriptors
    if ((descriptors.known[fd] & Known.queued) === 0) return // closed since then
    descriptors.known[fd] &= ~Known.queued
    if (descriptors.isWaiting(fd, WRITABLE)) this.#finish(fd, WRITABLE, OUT, 0)
    if (descriptors.isWaiting(fd, READABLE)) this.#finish(fd, READABLE, IN, 0)
    if (descriptors.isWaiting(fd, RECEIVE) && (descriptors.known[fd] & Known.readable) !== 0)
      this.#receive(fd)
  }

  #wake(): void {
    this.#woken = !this.#awaitsWake
    if (this.#awaitsWake) this.#queue.put(this.#wakeWord, 0, 0, 0)
    this.#awaitsWake = false
  }

  #accept(listener: number): void {
    const descriptors = this.#descriptors
    const isDone = !descriptors.isWaiting(listener, ACCEPT) || this.#accepts++ === ACCEPTS_EACH
    const result = isDone ? -Errno.EAGAIN : this.sockets.accept(listener)
    if (result >= 0) {
      const generation = descriptors.generation(listener, ACCEPT)
      this.#queue.put(descriptors.word(listener, ACCEPT), generation, result, MORE)
      return
    }
    this.#listener = -1
    if (result !== -Errno.EAGAIN && result !== -Errno.EIO) this.#callBack(listener, ACCEPT, result)
  }

  #connected(fd: number, events: number): void {
    const isBroken = (events & (ERR | HUP)) !== 0
    if (isBroken) this.#finish(fd, CONNECT, this.sockets.pendingError(fd) || -Errno.ECONNRESET, 0)
    else if ((events & OUT) !== 0) this.#finish(fd, CONNECT, 0, 0)
  }

  // ── bytes

  #receive(fd: number): void {
    const descriptors = this.#descriptors
    if (descriptors.turn[fd] === this.#turn) {
      this.#lookAgain(fd)
      return
    }
    descriptors.turn[fd] = this.#turn
    const pool = (descriptors.known[fd] & Known.large) !== 0 ? this.large : this.small
    if (pool.free === 0) {
      this.#finish(fd, RECEIVE, -Errno.ENOBUFS, 0)
      return
    }
    const result = receiveAtLast(fd, pool.pointer, pool.bytesEach)
    if (result > 0) this.#received(fd, pool, result)
    else if (result === -Errno.EAGAIN) descriptors.known[fd] &= ~Known.readable
    else {
      if (result === 0) descriptors.known[fd] |= Known.ended
      this.#finish(fd, RECEIVE, result, 0)
    }
  }

  #received(fd: number, pool: Pool, bytes: number): void {
    const descriptors = this.#descriptors
    const { known, seen } = descriptors
    const flags = pool.fill()
    // A short receive has emptied the socket, unless it stopped at urgent data or ahead of an error. What
    // comes from now on is another event.
    if (bytes < pool.bytesEach && (known[fd] & Known.urgent) === 0 && (seen[fd] & ERR) === 0) {
      if ((seen[fd] & RDHUP) !== 0) known[fd] |= Known.ended
      else known[fd] &= ~Known.readable
    }
    const isEnded = (known[fd] & Known.ended) !== 0
    if ((known[fd] & Known.repeats) === 0) {
      this.#finish(fd, RECEIVE, bytes, isEnded ? flags | NONEMPTY : flags)
      return
    }
    const generation = descriptors.generation(fd, RECEIVE)
    const more = isEnded ? MORE | NONEMPTY : MORE
    this.#queue.put(descriptors.word(fd, RECEIVE), generation, bytes, flags | more)
    if (isEnded) this.#finish(fd, RECEIVE, 0, 0)
    else if ((known[fd] & Known.readable) !== 0) this.#lookAgain(fd)
  }

  /** Bytes taken, or −errno. */
  #send(fd: number, at: number, bytes: number, more: boolean): number {
    const { known } = this.#descriptors
    if ((known[fd] & Known.delays) !== 0) {
      if ((known[fd] & Known.sent) !== 0) this.sockets.setNoDelay(fd)
      known[fd] |= Known.sent
    }
    const pointer = BigInt(this.memory.base + at)
    let result = -Errno.EIO
    for (let attempt = 0; result === -Errno.EIO && attempt < ATTEMPTS; attempt++)
      result = more ? libc.send(fd, pointer, bytes, MSG_MORE) : libc.write(fd, pointer, bytes)
    return result
  }

  /** The rest of a send, which may take it in several turns. */
  #sendOn(fd: number): void {
    const { sendAt, sendLeft, sendDone, known } = this.#descriptors
    const result = this.#send(fd, sendAt[fd], sendLeft[fd], (known[fd] & Known.more) !== 0)
    if (result > 0) {
      sendAt[fd] += result
      sendLeft[fd] -= result
      sendDone[fd] += result
      if (sendLeft[fd] === 0) this.#finish(fd, SEND, sendDone[fd], 0)
    } else if (result !== -Errno.EAGAIN) this.#callBack(fd, SEND, result)
  }
}

/** An error whose number was lost may have been the one that the end follows: it is taken for a reset. */
function receiveAtLast(fd: number, pointer: bigint, bytes: number): number {
  let result = libc.read(fd, pointer, bytes)
  if (result !== -Errno.EIO) return result
  for (let attempt = 1; result === -Errno.EIO && attempt < ATTEMPTS; attempt++)
    result = libc.read(fd, pointer, bytes)
  return result === 0 ? -Errno.ECONNRESET : result
}
