/**
 * The `node` engine: the data plane of one worker on node:net, for every platform.
 *
 * It joins the parts: orders move tables and listeners (listeners.ts), an accepted socket gets a
 * decision (../decide/decide.ts) and becomes a connection (connection.ts), and the last order ends
 * everything.
 */

import type { Socket } from 'node:net'
import { type Family, parseInto } from '../../address/address.ts'
import { liveRows } from '../../stats/connections.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Table } from '../../table/format/table.ts'
import { ownListeners } from '../../table/match/own-listeners.ts'
import type { Arrival } from '../decide/arrival.ts'
import { Attempts } from '../decide/attempts.ts'
import { createDecider, type Decider } from '../decide/decide.ts'
import { Closings } from '../worker/closings.ts'
import { DescriptorCeiling } from '../worker/descriptors.ts'
import { Journal } from '../worker/journal.ts'
import { Mailbox } from '../worker/mailbox.ts'
import type { EngineTask, ListeningSocket, Report } from '../worker/protocol.ts'
import { Reception } from '../worker/reception.ts'
import { Connection } from './connection.ts'
import { Cuts } from './cuts.ts'
import { descriptorOf } from './descriptor.ts'
import { resetWhenClosed } from './direct.ts'
import { FreeRows } from './free-rows.ts'
import { Listeners } from './listeners.ts'
import type { Listening } from './listening.ts'
import { localDestination, originalDestination } from './original.ts'
import { Settling } from './settling.ts'
import { keepAlive } from './tcp-times.ts'
import { TIMER_MAX_MS } from './timing.ts'
import { TlsContexts } from './tls-contexts.ts'
import { Watch } from './watch.ts'

/** Serves until it is told to drain or stop; resolves once nothing is left open. */
export const runNodeEngine = (task: EngineTask): Promise<void> =>
  new Promise(resolve => new NodeEngine(task, resolve))

/** The progress of the end: connections that ended by themselves, and those that were reset. */
type Drain = { closed: number; reset: number; timer: NodeJS.Timeout | undefined; queuesEmpty: boolean }

class NodeEngine {
  readonly #task: EngineTask
  readonly #onEnd: () => void
  readonly #decider: Decider
  readonly #journal: Journal
  readonly #reception: Reception
  readonly #rows: FreeRows
  readonly #attempts: Attempts
  readonly #mailbox: Mailbox
  readonly #listeners: Listeners
  readonly #connections = new Set<Connection>()
  readonly #cuts = new Cuts()
  readonly #contexts = new TlsContexts()
  readonly #watch = new Watch()
  readonly #settling = new Settling()
  /** Connections with a row of the journal, by row. */
  readonly #byRow: (Connection | undefined)[] = []
  readonly #closings = new Closings()
  #closingTimer: NodeJS.Timeout | undefined
  readonly #descriptorCeiling: DescriptorCeiling
  #drain: Drain | null = null
  #ended = false

  constructor(task: EngineTask, onEnd: () => void) {
    this.#task = task
    this.#descriptorCeiling = new DescriptorCeiling(task.world)
    this.#onEnd = onEnd
    this.#decider = createDecider(task)
    this.#journal = new Journal(task)
    this.#reception = new Reception(task, this.#decider, this.#journal)
    const rows = liveRows(task.limits.rows ?? task.limits.maxConnections)
    this.#rows = new FreeRows(rows)
    this.#attempts = new Attempts(this.#decider, this.#journal, rows)
    this.#mailbox = new Mailbox(task, {
      adopt: table => this.#adopt(table),
      revise: table => this.#revise(table),
      furnish: secrets => this.#contexts.furnish(secrets),
      inherit: sockets => this.#listeners.inherit(sockets),
      accept: () => this.#listeners.accept(),
      tellSockets: () => this.#report({ kind: 'sockets', sockets: this.#listeners.sockets }),
      drain: (timeoutMs, shared) => this.#beginDrain(timeoutMs, shared),
      close: order => {
        this.#closings.add(order, this.#task.world.monotonicMs())
        this.#closeDue()
      },
      stop: () => this.#stop(),
    })
    this.#listeners = new Listeners({
      onAccept: this.#onAccept,
      onListening: (generation, failures) => this.#report({ kind: 'listening', generation, failures }),
    })
    task.port.on('message', this.#mailbox.obey)
    this.#mailbox.receive()
  }

  #revise(table: Table): void {
    this.#decider.newest = table
    this.#listeners.revise(table)
  }

  #adopt(table: Table): void {
    if (this.#drain) return // no more connections: nothing to route
    this.#decider.newest = table
    this.#decider.own = ownListeners(table, this.#task.world.ownAddresses())
    this.#journal.adopt(table.generation)
    this.#listeners.adopt(table)
  }

  readonly #onAccept = (listening: Listening, client: Socket): void => {
    this.#mailbox.refresh()
    const { world } = this.#task
    if (listening.tuned === null) {
      keepAlive(client, listening.table.sockets[listening.row].tcp.keepalive)
      client.setNoDelay()
      resetWhenClosed(client, true)
    }
    const arrival = this.#reception.arrive(listening.table, listening.row, world.monotonicMs())
    const connection = new Connection(client, arrival, {
      world,
      decider: this.#decider,
      journal: this.#journal,
      reception: this.#reception,
      attempts: this.#attempts,
      contexts: this.#contexts,
      takeRow: this.#takeRow,
      watch: this.#watch,
      settling: this.#settling,
      onClosing: this.#cuts.add,
      onFree: this.#onFree,
    })
    this.#connections.add(connection)
    const isKnown = this.#identify(listening, client, arrival)
    if (this.#descriptorCeiling.isReachedBy(descriptorOf(client))) connection.close(Reason['accept-error'])
    else if (!isKnown) connection.close(Reason['client-reset'])
    else connection.serve()
  }

  readonly #takeRow = (connection: Connection): number => {
    const row = this.#rows.take()
    if (row >= 0) this.#byRow[row] = connection
    return row
  }

  /** Fills in the connection's addresses; false if the client is already gone. */
  #identify(listening: Listening, client: Socket, arrival: Arrival): boolean {
    const { query } = arrival
    const destination = listening.original ? originalDestination(client) : localDestination(client)
    const { remoteAddress } = client
    if (destination === null || remoteAddress === undefined) return false
    query.destinationFamily = parseInto(destination.address, query.destination, 0) as Family
    query.destinationPort = destination.port
    query.clientFamily = parseInto(remoteAddress, query.client, 0) as Family
    arrival.clientPort = client.remotePort ?? 0
    return true
  }

  readonly #onFree = (connection: Connection, reason: number, row: number): void => {
    this.#connections.delete(connection)
    if (row >= 0) {
      this.#byRow[row] = undefined
      this.#rows.give(row)
    }
    if (!this.#drain) return
    if (reason === Reason.drain || reason === Reason.stop) this.#drain.reset++
    else this.#drain.closed++
    this.#endWhenDrained()
  }

  readonly #closeDue = (): void => {
    clearTimeout(this.#closingTimer)
    this.#closings.due(this.#task.world.monotonicMs(), this.#close)
    const waitMs = this.#closings.nextMs - this.#task.world.monotonicMs()
    if (waitMs === Number.POSITIVE_INFINITY) return
    this.#closingTimer = setTimeout(this.#closeDue, Math.min(Math.max(Math.ceil(waitMs), 1), TIMER_MAX_MS))
  }

  readonly #close = (row: number, id: number, policy: number, generation: number, reason: number): void => {
    if (!this.#journal.isOf(row, id)) return
    if (policy > 0) this.#journal.denied(row, policy, generation)
    this.#byRow[row]?.close(policy > 0 ? Reason['denied-by-policy'] : reason)
  }

  #beginDrain(timeoutMs: number, shared?: readonly ListeningSocket[]): void {
    if (this.#drain) return
    const drain: Drain = { closed: 0, reset: 0, timer: undefined, queuesEmpty: false }
    this.#drain = drain
    void this.#listeners.retireAll(shared).then(() => {
      drain.queuesEmpty = true
      drain.timer = setTimeout(() => this.#closeAll(Reason.drain), timeoutMs)
      this.#endWhenDrained()
    })
  }

  #stop(): void {
    this.#listeners.closeAll()
    this.#drain ??= { closed: 0, reset: 0, timer: undefined, queuesEmpty: false }
    this.#drain.queuesEmpty = true
    this.#closeAll(Reason.stop)
    this.#endWhenDrained()
  }

  #closeAll(reason: number): void {
    for (const connection of this.#connections) connection.close(reason)
  }

  #endWhenDrained(): void {
    if (this.#ended || !this.#drain?.queuesEmpty || this.#connections.size > 0) return
    this.#ended = true
    const { closed, reset, timer } = this.#drain
    clearTimeout(timer)
    clearTimeout(this.#closingTimer)
    this.#watch.end()
    this.#settling.end()
    this.#report({ kind: 'drained', closed, reset })
    this.#task.port.off('message', this.#mailbox.obey)
    this.#task.port.close()
    this.#onEnd()
  }

  #report(report: Report): void {
    this.#task.port.postMessage(report)
  }
}
