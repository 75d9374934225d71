/**
 * Listening sockets: follow each new table and leave the others untouched, as in
 * ../node/listeners.ts.
 *
 *   open ─▶ accepting ─▶ (table without it, or drain) ─cancelled─▶ queue emptied ─▶ closed
 *     └─ error ─▶ failed ─▶ open, every RETRY_MS
 *
 * Opening and closing take some 0.1 ms each, so each turn of the loop does only a few, and serves
 * connections in between. Accepting is one repeating operation. If the kernel ends it, out of files
 * or memory, weir starts it again a moment later; the queue waits meanwhile.
 */

import { assert } from '../../base/assert.ts'
import { mark } from '../../base/mark.ts'
import { Errno } from '../../kernel/errno.ts'
import { type Kernel, MORE, makeRoom } from '../../kernel/kernel.ts'
import { slotOf, subject } from '../../kernel/user-data.ts'
import type { Table, TableListener } from '../../table/format/table.ts'
import { Inheritance, keyOf } from '../worker/inheritance.ts'
import type { InheritedSockets, ListenFailure, ListeningSocket } from '../worker/protocol.ts'
import { claim, createListening, type Listening, makeOwn, open, queueOf, tune } from './listening.ts'
import * as Operation from './operations.ts'

const RETRY_MS = 1000
const PAUSE_MS = 100 // after an accept that failed
/** Listeners opened or closed in one turn of the loop. */
const EACH_TURN = 16

type ListenersOptions = {
  readonly kernel: Kernel
  readonly onAccept: (listening: Listening, fd: number) => void
  /** The kernel has no files or memory for another connection: the queue waits a little longer. */
  readonly onPause: () => void
  /** This many wait at a closing listener and cannot be accepted. */
  readonly onLost: (listening: Listening, count: number) => void
  /**
   * Every listener of `generation` accepts, except for `failures`, and no other does; reported
   * again if these change.
   */
  readonly onListening: (generation: number, failures: readonly ListenFailure[]) => void
}

export class Listeners {
  #nextRetryMs = Number.POSITIVE_INFINITY
  readonly #options: ListenersOptions
  /** By `keyOf`. */
  readonly #byPlace = new Map<string, Listening>()
  readonly #bySlot = new Map<number, Listening>()
  /** By row of the newest table. */
  #byRow: Listening[] = []
  /** Listeners to open, and listeners to close. */
  readonly #toOpen: Listening[] = []
  readonly #toClose: Listening[] = []
  /** Retiring listeners that still have a socket. */
  #retiring = 0
  readonly #failed = new Set<Listening>()
  readonly #inheritance = new Inheritance<Listening>()
  #nextSlot = 0
  #generation = 0
  #hasAdopted = false // `work` is due for the table, be it only for the report
  #reported = ''

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** Listeners that still have a socket. */
  get count(): number {
    return this.#bySlot.size
  }

  /** The listener at `row` of the newest table. */
  atRow(row: number): Listening {
    const found = this.#byRow[row]
    assert(found !== undefined, `row ${row} is no listener`)
    return found
  }

  /** Uses these for the next table, and accepts nothing before `accept`. */
  inherit(sockets: InheritedSockets): void {
    this.#inheritance.inherit(sockets)
  }

  /** The inherited sockets are this process's to serve. Asked once more, it looks at all queues. */
  accept(): void {
    this.#toOpen.push(...this.#inheritance.accept())
    for (const listening of this.#bySlot.values())
      if (listening.accepting && !listening.retiring) this.#callBack(listening)
      else this.#accept(listening)
  }

  /** The sockets that accept. */
  get sockets(): ListeningSocket[] {
    return [...this.#bySlot.values()].flatMap(({ place, fd, retiring }) => (retiring ? [] : [{ place, fd }]))
  }

  /** When `work` is due. */
  get nextWorkMs(): number {
    return this.#hasAdopted || this.#toOpen.length + this.#toClose.length > 0 ? 0 : this.#nextRetryMs
  }

  /** Opening and closing is left to `work`: an accept here might find and adopt the next table. */
  adopt(table: Table): void {
    this.#generation = table.generation
    this.#hasAdopted = true
    this.#byRow = []
    const places = new Set<string>()
    for (const [row, socket] of table.sockets.entries()) {
      if (!socket.opens) continue
      const place = `${socket.bind} ${socket.port}`
      places.add(place)
      const known = this.#byPlace.get(place)
      this.#byRow[row] = known ? this.#renew(known, table, row, socket) : this.#add(place, table, row, socket)
    }
    for (const listening of this.#byPlace.values()) {
      const first = this.#byPlace.get(listening.place)
      if (!places.has(listening.place)) this.#retire(listening)
      else if (first && first !== listening) this.#renew(listening, table, first.row, first.socket)
    }
    if (this.#retiring > 0) this.#succeed()
  }

  /**
   * Connections that wait at a closing listener are decided by the newest table that has its place,
   * as at its successor.
   */
  #succeed(): void {
    for (const listening of this.#bySlot.values()) {
      const successor = listening.retiring ? this.#byPlace.get(listening.place) : undefined
      if (successor === undefined) continue
      mark('a listener that is being closed has a successor')
      const { table, row, socket } = successor
      Object.assign(listening, { table, row, socket })
    }
  }

  /** The listeners are the same; `table` decides about what is accepted from now on. */
  revise(table: Table): void {
    for (const listening of [...this.#byPlace.values(), ...this.#bySlot.values()])
      if (listening.table.generation === table.generation) listening.table = table
  }

  /**
   * Accepts what already waits, then closes every listener; `work` does it. What waits at `shared`
   * sockets waits for another process.
   */
  retireAll(shared: readonly ListeningSocket[] = []): void {
    this.#inheritance.share(shared)
    for (const listening of this.#byPlace.values()) this.#retire(listening)
  }

  /** A completion of a listener's accept: `result` is a new descriptor, or −errno. */
  accepted(word: number, result: number, flags: number, nowMs: number): void {
    const listening = this.#bySlot.get(slotOf(word))
    if (!listening) return
    if (result >= 0) this.#take(listening, this.#options.kernel.sockets.keep(result))
    if ((flags & MORE) !== 0) return
    listening.accepting = false
    if (listening.retiring) this.#close(listening)
    else if (result >= 0 || result === -Errno.ECANCELED) {
      mark('an accept is asked for again')
      this.#accept(listening)
    } else {
      mark('accepting is paused')
      this.#options.onPause()
      this.#retryAt(listening, nowMs + PAUSE_MS)
    }
  }

  /** Opens and closes a few listeners, and retries those that failed a moment ago. */
  work(nowMs: number): void {
    this.#hasAdopted = false
    if (nowMs >= this.#nextRetryMs) this.#retry(nowMs)
    const opening = this.#toOpen.splice(0, EACH_TURN)
    for (const listening of opening) this.#open(listening, nowMs)
    for (const listening of this.#toClose.splice(0, EACH_TURN - opening.length)) this.#callBack(listening)
    this.#report()
  }

  #retry(nowMs: number): void {
    this.#nextRetryMs = Number.POSITIVE_INFINITY
    for (const listening of this.#byPlace.values()) {
      if (listening.retryMs > nowMs) this.#nextRetryMs = Math.min(this.#nextRetryMs, listening.retryMs)
      else if (listening.fd >= 0) this.#accept(listening)
      else {
        listening.retryMs = Number.POSITIVE_INFINITY
        this.#toOpen.push(listening)
      }
    }
  }

  #renew(known: Listening, table: Table, row: number, socket: TableListener): Listening {
    Object.assign(known, { table, row, socket })
    tune(known, this.#options.kernel.sockets)
    return known
  }

  #add(place: string, table: Table, row: number, socket: TableListener): Listening {
    const [first, ...others] = this.#inheritance
      .fdsFor(place)
      .map((inherited, copy) =>
        createListening(this.#nextSlot++, place, table, row, socket, { copy, inherited }),
      )
    for (const each of [first, ...others]) this.#byPlace.set(keyOf(each), each)
    if (!this.#inheritance.delays(place, first)) this.#toOpen.push(first, ...others)
    return first
  }

  #open(listening: Listening, nowMs: number): void {
    if (listening.retiring) {
      mark('a listener is not wanted any more before it was opened')
      return
    }
    if (!open(listening, this.#options.kernel.sockets)) {
      mark('a listener cannot be opened')
      this.#failed.add(listening)
      this.#retryAt(listening, nowMs + RETRY_MS)
      return
    }
    this.#failed.delete(listening)
    this.#bySlot.set(listening.slot, listening)
    this.#accept(listening)
  }

  #accept(listening: Listening): void {
    if (listening.accepting || listening.retiring || this.#inheritance.isHeld) return
    listening.retryMs = Number.POSITIVE_INFINITY
    listening.accepting = true
    const { kernel } = this.#options
    if (listening.foreign < 0) claim(listening, kernel.sockets)
    makeRoom(kernel)
    kernel.accept(listening.fd, subject(listening.slot, Operation.ACCEPT), 0)
  }

  #take(listening: Listening, fd: number): void {
    makeOwn(listening, fd, this.#options.kernel.sockets)
    this.#options.onAccept(listening, fd)
  }

  /** From here on it is no listener of the newest table. */
  #retire(listening: Listening): void {
    this.#byPlace.delete(keyOf(listening))
    this.#failed.delete(listening)
    listening.retiring = true
    if (listening.fd < 0) return
    this.#retiring++
    this.#toClose.push(listening)
  }

  #callBack(listening: Listening): void {
    if (listening.fd < 0) return // its accept ended by itself
    if (!listening.accepting) {
      this.#close(listening)
      return
    }
    const { kernel } = this.#options
    const { slot } = listening
    makeRoom(kernel)
    kernel.cancel(subject(slot, Operation.ACCEPT), 0, subject(slot, Operation.CANCEL_ACCEPT), 0)
  }

  /**
   * It has no operations left in the kernel: weir accepts its queue, then closes it. If descriptors
   * run out, the kernel resets the rest of the queue.
   */
  #close(listening: Listening): void {
    if (listening.foreign >= 0 && !this.#inheritance.isShared(listening)) this.#empty(listening)
    this.#options.kernel.sockets.close(listening.fd)
    listening.fd = -1
    this.#bySlot.delete(listening.slot)
    this.#retiring--
    this.#report()
  }

  #empty(listening: Listening): void {
    const { kernel, onLost } = this.#options
    for (const fd of queueOf(listening, kernel.sockets)) {
      mark('a queue is emptied before its listener is closed')
      makeRoom(kernel)
      this.#take(listening, fd)
    }
    const left = kernel.sockets.waiting(listening.fd)
    if (left > 0) onLost(listening, left)
  }

  #retryAt(listening: Listening, ms: number): void {
    listening.retryMs = ms
    this.#nextRetryMs = Math.min(this.#nextRetryMs, ms)
  }

  /** Reports the state once nothing is left to open or retire, unless it was reported. */
  #report(): void {
    if (this.#toOpen.length > 0 || this.#retiring > 0) return
    const failures = [...this.#failed].flatMap(each => each.failure ?? [])
    const text = `${this.#generation} ${failures.map(each => `${each.listener} ${each.code}`).join(', ')}`
    if (text === this.#reported) return
    this.#reported = text
    this.#options.onListening(this.#generation, failures)
  }
}
