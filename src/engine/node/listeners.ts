/**
 * The sockets that accept: made to agree with each new table, and with nothing else touched.
 *
 *   opening ─▶ open ─▶ (table without it, or drain) ─▶ retiring ─▶ closed
 *      └─ error ─▶ failed ─▶ opening, every RETRY_MS
 *
 * A listener is known by its address and port: one that a new table still has keeps its socket and
 * its queue, whatever became of its gateway or rules. Each worker has sockets of its own
 * (SO_REUSEPORT), and the kernel spreads connections over them.
 */

import { createServer, type Server, type Socket } from 'node:net'
import type { Table, TableListener } from '../../table/table.ts'
import type { ListenFailure } from '../protocol.ts'
import { emptyQueue } from './queue.ts'

/** Connections that wait for accept(2), each listener and worker; the kernel caps it at net.core.somaxconn. */
const BACKLOG = 4096
const RETRY_MS = 1000
/** What IPv6 being off looks like when `::` is asked for. */
const NO_IPV6: ReadonlySet<string | undefined> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])

/** One listening socket, and what its connections are matched by. */
export type Listening = {
  readonly bind: string
  readonly port: number
  /** The newest table that has this listener, its name and row there. */
  table: Table
  key: string
  row: number
  original: boolean
  server: Server | null
  status: 'opening' | 'open' | 'failed' | 'retiring'
  failure: ListenFailure | null
  /** Connections it accepted, ever. */
  accepted: number
}

export type ListenersOptions = {
  readonly onAccept: (listening: Listening, socket: Socket) => void
  /** Every listener of `generation` accepts, but for `failures`, and no other does; again whenever these change. */
  readonly onListening: (generation: number, failures: readonly ListenFailure[]) => void
}

export class Listeners {
  readonly #options: ListenersOptions
  readonly #byPlace = new Map<string, Listening>()
  #generation = 0
  #reported = ''
  #retiring = 0
  #retry: NodeJS.Timeout | undefined

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** Makes the listeners what `table` says. */
  adopt(table: Table): void {
    this.#generation = table.generation
    const places = new Set<string>()
    for (const [row, socket] of table.sockets.entries()) {
      if (!socket.opens) continue
      const place = `${socket.bind} ${socket.port}`
      places.add(place)
      const known = this.#byPlace.get(place)
      if (known) Object.assign(known, { table, row, key: socket.key, original: socket.original })
      else this.#add(place, table, row, socket)
    }
    for (const [place, listening] of this.#byPlace) {
      if (places.has(place)) continue
      this.#retiring++
      void this.#retire(place, listening).then(this.#onRetired)
    }
    this.#report()
  }

  /** Accepts what already waits, then closes every listener. */
  async retireAll(): Promise<void> {
    clearInterval(this.#retry)
    await Promise.all([...this.#byPlace].map(([place, listening]) => this.#retire(place, listening)))
  }

  /** Closes every listener at once. */
  closeAll(): void {
    clearInterval(this.#retry)
    for (const listening of this.#byPlace.values()) shut(listening)
    this.#byPlace.clear()
  }

  #add(place: string, table: Table, row: number, { bind, port, key, original }: TableListener): void {
    const listening: Listening = {
      ...{ bind, port, table, key, row, original },
      ...{ server: null, status: 'opening', failure: null, accepted: 0 },
    }
    this.#byPlace.set(place, listening)
    this.#open(listening, bind === '' ? '::' : bind)
  }

  #open(listening: Listening, host: string): void {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true })
    listening.server = server
    listening.status = 'opening'
    server.on('connection', socket => {
      listening.accepted++
      this.#options.onAccept(listening, socket)
    })
    server.on('listening', () => this.#onOpen(listening, server))
    // Also an accept(2) that failed for want of memory or files: closed and opened again later, it cannot spin.
    server.on('error', error => this.#onError(listening, server, host, error))
    server.listen({ host, port: listening.port, reusePort: true, backlog: BACKLOG })
  }

  #onOpen(listening: Listening, server: Server): void {
    if (listening.server !== server) {
      server.close() // it was retired while it was opening
      return
    }
    listening.status = 'open'
    listening.failure = null
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
    listening.status = 'failed'
    listening.failure = { listener: listening.key, code: error.code ?? 'UNKNOWN', message: error.message }
    this.#retry ??= setInterval(this.#retryFailed, RETRY_MS)
    this.#report()
  }

  readonly #retryFailed = (): void => {
    const failed = [...this.#byPlace.values()].filter(each => each.status === 'failed')
    for (const listening of failed) this.#open(listening, listening.bind === '' ? '::' : listening.bind)
    if (failed.length > 0) return
    clearInterval(this.#retry)
    this.#retry = undefined
  }

  async #retire(place: string, listening: Listening): Promise<void> {
    this.#byPlace.delete(place)
    const open = listening.status === 'open'
    listening.status = 'retiring'
    if (open) await emptyQueue(() => listening.accepted, BACKLOG)
    shut(listening)
  }

  readonly #onRetired = (): void => {
    this.#retiring--
    this.#report()
  }

  /** Says how things stand once nothing is opening or retiring, unless that has been said. */
  #report(): void {
    const all = [...this.#byPlace.values()]
    if (this.#retiring > 0 || all.some(each => each.status === 'opening')) return
    const failures = all.flatMap(each => each.failure ?? [])
    const text = `${this.#generation} ${failures.map(each => `${each.listener} ${each.code}`).join(', ')}`
    if (text === this.#reported) return
    this.#reported = text
    this.#options.onListening(this.#generation, failures)
  }
}

function shut(listening: Listening): void {
  if (listening.server?.listening) listening.server.close()
  listening.server = null
}
