/**
 * The `uring` engine: the data plane of one worker on one io_uring, in a loop that never returns to
 * Node's own.
 *
 *   wait ─▶ orders, accepts, completions ─▶ what follows from them is prepared ─▶ submitted with the next wait
 *
 * While the thread waits, nothing of Node runs in it: no timer, no promise, no print. Orders come by
 * the mailbox after a wake, reports go out by the port, counts by shared memory.
 */

import { assert, unreachable } from '../../base/assert.ts'
import { monotonicMs } from '../../base/clock.ts'
import { Arena } from '../../net/arena.ts'
import { Buffers } from '../../net/buffers.ts'
import { Errno, errnoName } from '../../net/errno.ts'
import { Cqe } from '../../net/io-uring.ts'
import type { Ring } from '../../net/ring.ts'
import { closeRing, openRing } from '../../net/ring-setup.ts'
import type { SocketName } from '../../net/socket-address.ts'
import { Sockets } from '../../net/sockets.ts'
import { operationOf, subject } from '../../net/user-data.ts'
import { openWake, Wake } from '../../net/wake.ts'
import { Reason } from '../../stats/reasons.ts'
import { openTable, type Table } from '../../table/table.ts'
import { ADMITTED, createDecider, type Decider, decide } from '../decide.ts'
import { descriptorCeiling } from '../descriptors.ts'
import { type OwnListeners, ownListeners } from '../loop.ts'
import { Mailbox } from '../mailbox.ts'
import type { Order, Report, WorkerTask } from '../protocol.ts'
import { Connections, connectionBytes, ENTRIES_EACH } from './connections.ts'
import { Listeners, type Listening } from './listeners.ts'
import * as Operation from './operations.ts'

const RING_ENTRIES = 4096
const COMPLETIONS = 16_384
/** 256 KiB each gave 1.4 times the bulk throughput of 64 KiB; only those that are used take memory. */
const BUFFERS = { group: 0, count: 128, bytesEach: 262_144 }
/** Between two sweeps, however close the deadlines. */
const SWEEP_LEAST_MS = 20

/** Serves until it is told to drain or stop; nothing is left open then. */
export async function runUringEngine(task: WorkerTask): Promise<void> {
  new UringEngine(task).run()
}

type Drain = { closed: number; reset: number; untilMs: number; readonly timeoutMs: number }

class UringEngine {
  readonly #task: WorkerTask
  readonly #ring: Ring
  readonly #wake: Wake
  readonly #sockets: Sockets
  readonly #decider: Decider
  readonly #mailbox: Mailbox
  readonly #listeners: Listeners
  readonly #connections: Connections
  readonly #descriptorCeiling = descriptorCeiling()
  readonly #peer: SocketName
  readonly #local: SocketName
  #own: OwnListeners | null = null
  #drain: Drain | null = null
  #ended = false

  constructor(task: WorkerTask) {
    this.#task = task
    this.#decider = createDecider(task)
    const { query } = this.#decider
    this.#peer = { family: 0, words: query.client, port: 0 }
    this.#local = { family: 0, words: query.destination, port: 0 }
    const arena = must(Arena.map(BUFFERS.count * BUFFERS.bytesEach + connectionBytes(RING_ENTRIES) + 65_536))
    const sizes = { entries: RING_ENTRIES, completions: COMPLETIONS, roomEach: ENTRIES_EACH }
    this.#ring = must(openRing(arena, sizes))
    const buffers = must(Buffers.open(this.#ring, BUFFERS))
    this.#sockets = new Sockets(arena)
    const fd = openWake()
    assert(fd >= 0, `no eventfd: ${errnoName(fd)}`)
    this.#wake = new Wake(this.#ring, fd)
    this.#mailbox = new Mailbox(task, order => this.#obey(order))
    const [ring, sockets] = [this.#ring, this.#sockets]
    this.#connections = new Connections({
      ...{ ring, buffers, sockets, decider: this.#decider, onFree: this.#onFree },
      descriptorCeiling: this.#descriptorCeiling,
    })
    this.#listeners = new Listeners({
      ...{ ring, sockets, onAccept: this.#onAccept, onPause: () => this.#connections.countPause() },
      onListening: (generation, failures) => this.#report({ kind: 'listening', generation, failures }),
    })
  }

  run(): void {
    this.#connections.nowMs = monotonicMs()
    this.#wake.prepare(this.#ring, subject(0, Operation.WAKE), 0)
    this.#report({ kind: 'waiting', wakeFd: this.#wake.fd })
    this.#mailbox.receive()
    while (!this.#ended) this.#turn()
    this.#connections.end()
    this.#task.port.close()
    closeRing(this.#ring)
  }

  #turn(): void {
    const ring = this.#ring
    const connections = this.#connections
    const result = ring.submitAndWait(this.#waitMs())
    assert(result === 0 || isShortOfMemory(result), `io_uring_enter: ${errnoName(result)}`)
    assert(ring.lost() === 0, 'the kernel has dropped a completion')
    connections.nowMs = monotonicMs()
    for (let at = ring.reap(); at >= 0; at = ring.reap()) this.#complete(at)
    if (connections.nowMs >= connections.nextSweepMs) connections.sweep()
    if (connections.nowMs >= this.#listeners.nextRetryMs) this.#listeners.retry(connections.nowMs)
    this.#continueDrain()
  }

  /** Until the next thing that is due by itself; −1 is without end. */
  #waitMs(): number {
    const { nowMs, nextSweepMs } = this.#connections
    const sweepMs = Math.max(nextSweepMs, nowMs + SWEEP_LEAST_MS)
    const dueMs = Math.min(
      sweepMs,
      this.#listeners.nextRetryMs,
      this.#drain?.untilMs ?? Number.POSITIVE_INFINITY,
    )
    return dueMs === Number.POSITIVE_INFINITY ? -1 : Math.max(1, Math.ceil(dueMs - nowMs))
  }

  #complete(at: number): void {
    const { cqes } = this.#ring
    const word = cqes[at + Cqe.USER_DATA]
    const result = cqes[at + Cqe.RES]
    const flags = cqes[at + Cqe.FLAGS]
    switch (operationOf(word)) {
      case Operation.ACCEPT:
        this.#listeners.accepted(word, result, flags, this.#connections.nowMs)
        break
      case Operation.WAKE:
        this.#wake.prepare(this.#ring, subject(0, Operation.WAKE), 0)
        this.#mailbox.receive()
        break
      case Operation.CANCEL_ACCEPT:
        break // the accept's own end says the rest
      default:
        this.#connections.complete(word, cqes[at + Cqe.USER_DATA + 1] >>> 0, result, flags)
    }
  }

  // ── accepting ──────────────────────────────────────────────────────────────

  readonly #onAccept = (listening: Listening, fd: number): void => {
    this.#mailbox.refresh()
    this.#connections.count()
    const reason = this.#decide(listening, fd)
    if (reason === ADMITTED) this.#connections.admit(fd, listening.table)
    else this.#connections.refuse(fd, reason)
  }

  #decide(listening: Listening, fd: number): number {
    if (fd >= this.#descriptorCeiling) return Reason['accept-error']
    if (this.#own === null || !this.#identify(listening, fd)) return Reason['client-reset']
    return decide(this.#decider, listening.table, this.#own, this.#connections.decision)
  }

  /** Fills the query with the connection's addresses; false where the client is already gone. */
  #identify(listening: Listening, fd: number): boolean {
    const { query } = this.#decider
    if (this.#sockets.peerName(fd, this.#peer) < 0 || this.#sockets.localName(fd, this.#local) < 0)
      return false
    if (listening.socket.original) this.#sockets.originalDestination(fd, this.#local)
    query.listener = listening.row
    query.destinationFamily = this.#local.family
    query.destinationPort = this.#local.port
    query.clientFamily = this.#peer.family
    return true
  }

  // ── orders ─────────────────────────────────────────────────────────────────

  #obey(order: Order): void {
    switch (order.kind) {
      case 'table':
        this.#adopt(openTable(order.table))
        break
      case 'drain':
        this.#beginDrain(order.timeoutMs)
        break
      case 'stop':
        this.#stop()
        break
      default:
        unreachable(order)
    }
  }

  #adopt(table: Table): void {
    if (this.#drain) return // no more connections: nothing to route
    this.#own = ownListeners(table)
    this.#listeners.adopt(table, this.#connections.nowMs)
  }

  readonly #onFree = (reason: number): void => {
    if (!this.#drain) return
    if (reason === Reason.drain || reason === Reason.stop) this.#drain.reset++
    else this.#drain.closed++
  }

  #beginDrain(timeoutMs: number): void {
    if (this.#drain) return
    this.#drain = { closed: 0, reset: 0, untilMs: Number.POSITIVE_INFINITY, timeoutMs }
    this.#listeners.retireAll()
  }

  #stop(): void {
    this.#drain ??= { closed: 0, reset: 0, untilMs: 0, timeoutMs: 0 }
    this.#listeners.retireAll()
    this.#connections.closeAll(Reason.stop)
  }

  /** The time of a drain counts from when every queue has been emptied. */
  #continueDrain(): void {
    const drain = this.#drain
    if (!drain || this.#listeners.count > 0) return
    const { nowMs, slots } = this.#connections
    if (drain.untilMs === Number.POSITIVE_INFINITY) drain.untilMs = nowMs + drain.timeoutMs
    if (slots.open > 0 && nowMs >= drain.untilMs) this.#connections.closeAll(Reason.drain)
    if (slots.open > 0) return
    this.#report({ kind: 'drained', closed: drain.closed, reset: drain.reset })
    this.#ended = true
  }

  #report(report: Report): void {
    this.#task.port.postMessage(report)
  }
}

const isShortOfMemory = (result: number): boolean =>
  result === -Errno.EAGAIN || result === -Errno.EBUSY || result === -Errno.ENOMEM

/** What the probe has seen work must work here, too. */
function must<Part>(part: Part | number): Part {
  assert(typeof part !== 'number', `io_uring is not to be had: ${errnoName(part as number)}`)
  return part as Part
}
