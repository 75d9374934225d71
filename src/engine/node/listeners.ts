/**
 * Listening sockets: follow each new table and leave the others untouched.
 *
 *   waiting ─▶ opening ─▶ open ─▶ (table without it, or drain) ─▶ retiring ─▶ closed
 *      ▲          └─ error ─▶ failed ─┐
 *      └──────── every RETRY_MS ──────┘
 *
 * Opening and closing take some 0.2 ms each, so each turn of the event loop does only a few, and
 * serves connections in between.
 *
 * A listener is identified by address and port: if a new table still has it, it keeps its socket
 * and queue, whatever happened to its gateway or rules. Each worker has its own sockets
 * (SO_REUSEPORT), and the kernel spreads connections over them.
 */

import { createServer, type Server, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Table, TableListener } from '../../table/format/table.ts'
import { Inheritance, keyOf } from '../worker/inheritance.ts'
import type { InheritedSockets, ListenFailure, ListeningSocket } from '../worker/protocol.ts'
import { descriptorOf } from './descriptor.ts'
import { createListening, type Listening, renew, type Status, shut, tune } from './listening.ts'
import { emptyQueue } from './queue.ts'

/**
 * Connections that wait for accept(2), for each listener and worker; the kernel caps it at
 * net.core.somaxconn.
 */
const BACKLOG = 4096
const RETRY_MS = 1000
/** Listeners opened or closed in one turn of the event loop. */
const EACH_TURN = 16
/** The error for `::` if IPv6 is off. */
const NO_IPV6: ReadonlySet<string | undefined> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])

type ListenersOptions = {
  readonly onAccept: (listening: Listening, socket: Socket) => void
  /**
   * Every listener of `generation` accepts, except for `failures`, and no other does; reported
   * again if these change.
   */
  readonly onListening: (generation: number, failures: readonly ListenFailure[]) => void
}

export class Listeners {
  readonly #options: ListenersOptions
  /** By `keyOf`. */
  readonly #byPlace = new Map<string, Listening>()
  readonly #inheritance = new Inheritance<Listening>()
  #generation = 0
  #reported = ''
  /** The number of listeners with each status. */
  readonly #counts = { waiting: 0, opening: 0, open: 0, failed: 0, retiring: 0, closed: 0 }
  readonly #failed = new Set<Listening>()
  /** Listeners that the newest table has removed, whose queue may not be empty. */
  readonly #leaving = new Set<Listening>()
  /** Listeners to open, and listeners to close. */
  readonly #toOpen: Listening[] = []
  readonly #toClose: Listening[] = []
  /** Listeners whose queue is being emptied. */
  #closing = 0
  #working: Promise<void> | null = null
  #retry: NodeJS.Timeout | undefined

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** Uses these for the next table, and accepts nothing before `accept`. */
  inherit(sockets: InheritedSockets): void {
    this.#inheritance.inherit(sockets)
  }

  /** The inherited sockets are this process's to serve. */
  accept(): void {
    for (const listening of this.#inheritance.accept()) {
      this.#enter(listening, 'waiting')
      this.#toOpen.push(listening)
    }
    for (const listening of this.#byPlace.values()) if (listening.inherited >= 0) this.#take(listening)
    void this.#work()
  }

  /** The sockets that accept. */
  get sockets(): ListeningSocket[] {
    return [...this.#byPlace.values()].flatMap(({ place, server, status }) =>
      server && status === 'open' ? [{ place, fd: descriptorOf(server) }] : [],
    )
  }

  /** Opens and closes listeners to match `table`. */
  adopt(table: Table): void {
    this.#generation = table.generation
    const places = new Set<string>()
    for (const [row, socket] of table.sockets.entries()) {
      if (!socket.opens) continue
      const place = `${socket.bind} ${socket.port}`
      places.add(place)
      const known = this.#byPlace.get(place)
      if (known) renew(known, { table, row, key: socket.key, original: socket.original })
      else this.#add(place, table, row, socket)
    }
    for (const listening of this.#byPlace.values()) {
      const first = this.#byPlace.get(listening.place)
      if (!places.has(listening.place)) this.#retire(listening)
      else if (first && first !== listening) renew(listening, first)
    }
    this.#succeed()
    void this.#work()
  }

  /** What a leaving listener accepts follows the newest table that has its place. */
  #succeed(): void {
    for (const listening of this.#leaving) {
      const successor = this.#byPlace.get(listening.place)
      if (successor === undefined) continue
      const { table, row, key, original } = successor
      Object.assign(listening, { table, row, key, original })
    }
  }

  /** The listeners are the same; `table` decides about what is accepted from now on. */
  revise(table: Table): void {
    for (const listening of [...this.#byPlace.values(), ...this.#leaving])
      if (listening.table.generation === table.generation) listening.table = table
  }

  /**
   * Accepts what already waits, then closes every listener. What waits at `shared` sockets waits
   * for another process.
   */
  retireAll(shared: readonly ListeningSocket[] = []): Promise<void> {
    this.#inheritance.share(shared)
    clearInterval(this.#retry)
    for (const listening of this.#byPlace.values()) this.#retire(listening)
    return this.#work()
  }

  /** Closes every listener at once. */
  closeAll(): void {
    clearInterval(this.#retry)
    for (const listening of [...this.#byPlace.values(), ...this.#toClose]) shut(listening)
    this.#byPlace.clear()
    this.#toOpen.length = 0
  }

  #add(place: string, table: Table, row: number, socket: TableListener): void {
    const [first, ...others] = this.#inheritance
      .fdsFor(place)
      .map((inherited, copy) => createListening(place, table, row, socket, { copy, inherited }))
    for (const each of [first, ...others]) this.#byPlace.set(keyOf(each), each)
    this.#counts.waiting += 1 + others.length
    if (!this.#inheritance.delays(place, first)) this.#toOpen.push(first, ...others)
    else this.#enter(first, 'closed') // not to be waited for
  }

  /** Opens and closes listeners; only one call works at a time. */
  #work(): Promise<void> {
    this.#working ??= this.#workThrough().then(() => {
      this.#working = null
      // A table came as the work ended: its listeners are not open yet.
      if (this.#toOpen.length + this.#toClose.length > 0) return this.#work()
      return this.#report()
    })
    return this.#working
  }

  async #workThrough(): Promise<void> {
    while (this.#toOpen.length + this.#toClose.length + this.#closing > 0) {
      const opening = this.#toOpen.splice(0, EACH_TURN)
      for (const each of opening) if (each.status === 'waiting') this.#begin(each)
      const room = Math.max(0, EACH_TURN - opening.length - this.#closing)
      for (const each of this.#toClose.splice(0, room)) void this.#close(each)
      await turn()
    }
  }

  #begin(listening: Listening): void {
    if (listening.inherited >= 0) this.#enter(listening, 'open')
    else this.#open(listening, listening.bind === '' ? '::' : listening.bind)
  }

  /** Accepts from what another process has opened. */
  #take(listening: Listening): void {
    const fd = listening.inherited
    listening.inherited = -1
    this.#serverOf(listening, listening.bind, true).listen({ fd, backlog: BACKLOG })
  }

  #open(listening: Listening, host: string): void {
    this.#enter(listening, 'opening')
    const server = this.#serverOf(listening, host)
    server.listen({ host, port: listening.port, reusePort: true, backlog: BACKLOG })
  }

  /**
   * @param isInherited  The other process may accept from it for another moment, and its engine may
   * not know what Node's sockets inherit: so they are told one by one, until there is another
   * table.
   */
  #serverOf(listening: Listening, host: string, isInherited = false): Server {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
    listening.server = server
    server.on('connection', socket => {
      listening.accepted++
      this.#options.onAccept(listening, socket)
    })
    server.on('listening', () => this.#onOpen(listening, server, isInherited))
    // Also an accept(2) that failed for lack of memory or files: the listener is closed and
    // reopened later, so it cannot spin.
    server.on('error', error => this.#onError(listening, server, host, error))
    return server
  }

  #onOpen(listening: Listening, server: Server, isInherited: boolean): void {
    if (listening.server !== server) {
      server.close() // it was retired while it was opening
      return
    }
    this.#enter(listening, 'open')
    listening.tuned = null
    if (!isInherited) tune(listening)
    listening.failure = null
    this.#failed.delete(listening)
    this.#report()
  }

  #onError(listening: Listening, server: Server, host: string, error: NodeJS.ErrnoException): void {
    if (listening.server !== server) return
    const retiring = listening.status === 'retiring'
    shut(listening)
    if (retiring) return
    if (host === '::' && listening.bind === '' && NO_IPV6.has(error.code)) {
      this.#open(listening, '0.0.0.0')
      return
    }
    this.#enter(listening, 'failed')
    this.#failed.add(listening)
    listening.failure = { listener: listening.key, code: error.code ?? 'UNKNOWN', message: error.message }
    this.#retry ??= setInterval(this.#retryFailed, RETRY_MS)
    this.#report()
  }

  readonly #retryFailed = (): void => {
    for (const listening of this.#failed) {
      if (listening.status !== 'failed') continue
      this.#enter(listening, 'waiting')
      this.#toOpen.push(listening)
    }
    void this.#work()
    if (this.#failed.size > 0) return
    clearInterval(this.#retry)
    this.#retry = undefined
  }

  /** From here on it is no listener of the newest table. */
  #retire(listening: Listening): void {
    this.#byPlace.delete(keyOf(listening))
    this.#leaving.add(listening)
    this.#failed.delete(listening)
    if (listening.status !== 'open') shut(listening)
    this.#enter(listening, 'retiring')
    this.#toClose.push(listening)
  }

  async #close(listening: Listening): Promise<void> {
    this.#closing++
    const { server, place } = listening
    if (server && !this.#inheritance.isShared({ place, fd: descriptorOf(server) }))
      await emptyQueue(() => listening.accepted, BACKLOG)
    shut(listening)
    this.#enter(listening, 'closed')
    this.#leaving.delete(listening)
    this.#closing--
  }

  #enter(listening: Listening, status: Status): void {
    this.#counts[listening.status]--
    this.#counts[status]++
    listening.status = status
  }

  /** Reports the state once nothing is left to open or retire, unless it was reported. */
  #report(): void {
    const { waiting, opening, retiring } = this.#counts
    if (waiting + opening + retiring > 0) return
    const failures = [...this.#failed].flatMap(each => each.failure ?? [])
    const text = `${this.#generation} ${failures.map(each => `${each.listener} ${each.code}`).join(', ')}`
    if (text === this.#reported) return
    this.#reported = text
    this.#options.onListening(this.#generation, failures)
  }
}
