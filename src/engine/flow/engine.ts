/**
 * The data plane of one worker on a kernel that it is given (kernel/kernel.ts), in a loop that never
 * returns to Node's own.
 *
 *   wait ─▶ orders, accepts, completions ─▶ what follows from them is asked ─▶ handed over with the next wait
 *
 * A connection that is accepted here may be another worker's to serve, and the other way round
 * (hand-over.ts).
 *
 * While the thread waits, nothing of Node runs in it: no timer, no promise, no print. Orders come by
 * the mailbox after a wake, reports go out by the port, counts by shared memory.
 */

import { assert } from '../../base/assert.ts'
import { Errno, errnoName } from '../../kernel/errno.ts'
import { type Kernel, makeRoom } from '../../kernel/kernel.ts'
import type { SocketName } from '../../kernel/socket-address.ts'
import { operationOf, subject } from '../../kernel/user-data.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Table } from '../../table/format/table.ts'
import { ownListeners } from '../../table/match/own-listeners.ts'
import { ADMITTED, createDecider, type Decider, decide } from '../decide/decide.ts'
import { Closings } from '../worker/closings.ts'
import { descriptorCeiling } from '../worker/descriptors.ts'
import { Journal } from '../worker/journal.ts'
import { Mailbox } from '../worker/mailbox.ts'
import type { EngineTask, Report } from '../worker/protocol.ts'
import { Connections } from './connections.ts'
import { HandOver } from './hand-over.ts'
import { Listeners, type Listening } from './listeners.ts'
import * as Operation from './operations.ts'

/** Between two sweeps, however close the deadlines. */
const SWEEP_LEAST_MS = 20

/** Serves until it is told to drain or stop; nothing is left open then. */
export function runFlowEngine(task: EngineTask, kernel: Kernel): void {
  const engine = new FlowEngine(task, kernel)
  try {
    engine.start()
    while (!engine.ended) engine.turn()
  } catch (bug) {
    engine.abandon()
    throw bug
  }
  engine.end()
}

type Drain = { closed: number; reset: number; untilMs: number; readonly timeoutMs: number }

export class FlowEngine {
  /** It has drained, or stopped: only `end` is left to do. */
  ended = false
  readonly #task: EngineTask
  readonly #kernel: Kernel
  readonly #decider: Decider
  readonly #journal: Journal
  readonly #mailbox: Mailbox
  readonly #listeners: Listeners
  readonly #connections: Connections
  readonly #handOver: HandOver
  readonly #closings = new Closings()
  readonly #descriptorCeiling: number
  readonly #peer: SocketName
  readonly #local: SocketName
  #drain: Drain | null = null

  constructor(task: EngineTask, kernel: Kernel) {
    this.#task = task
    this.#descriptorCeiling = descriptorCeiling(task.world)
    this.#kernel = kernel
    this.#decider = createDecider(task)
    const { query } = this.#decider
    this.#journal = new Journal(task, query)
    this.#peer = { family: 0, words: query.client, port: 0 }
    this.#local = { family: 0, words: query.destination, port: 0 }
    this.#handOver = new HandOver(kernel, task, this.#decider.stats)
    this.#mailbox = new Mailbox(task, {
      adopt: table => this.#adopt(table),
      drain: timeoutMs => this.#beginDrain(timeoutMs),
      close: order => this.#closings.add(order, this.#connections.nowMs),
      stop: () => this.#stop(),
    })
    this.#connections = new Connections({
      ...{ kernel, decider: this.#decider, journal: this.#journal, onFree: this.#onFree },
      descriptorCeiling: this.#descriptorCeiling,
    })
    this.#listeners = new Listeners({
      ...{ kernel, onAccept: this.#onAccept, onPause: () => this.#connections.countPause() },
      onListening: (generation, failures) => this.#report({ kind: 'listening', generation, failures }),
    })
  }

  /** Serves from the first `turn` on. */
  start(): void {
    this.#connections.nowMs = this.#task.world.monotonicMs()
    this.#kernel.wake(subject(0, Operation.WAKE))
    this.#report({ kind: 'waiting', wakeFd: this.#kernel.wakeFd })
    this.#mailbox.receive()
  }

  /** After the last turn. */
  end(): void {
    this.#connections.end()
    this.#task.port.close()
    this.#kernel.end()
  }

  /** In the middle: what is open, the supervisor closes (../worker/left-behind.ts), and what is in the inbox. */
  abandon(): void {
    this.#handOver.close()
    this.#kernel.stop()
  }

  /** Waits until something happens, and does what follows from it. */
  turn(): void {
    const kernel = this.#kernel
    const connections = this.#connections
    const result = kernel.wait(this.#waitMs())
    assert(result === 0 || isShortOfMemory(result), `${kernel.name}: ${errnoName(result)}`)
    assert(kernel.lost() === 0, 'the kernel has dropped a completion')
    connections.nowMs = this.#task.world.monotonicMs()
    while (kernel.next()) this.#complete()
    if (connections.nowMs >= connections.nextSweepMs) connections.sweep()
    if (connections.nowMs >= this.#closings.nextMs) this.#closings.due(connections.nowMs, this.#close)
    if (connections.nowMs >= this.#listeners.nextWorkMs) this.#listeners.work(connections.nowMs)
    if (connections.isHungry) connections.feed()
    if (connections.isCutting) connections.cut()
    this.#continueDrain()
  }

  /** Until the next thing that is due by itself; −1 is without end. */
  #waitMs(): number {
    if (this.#connections.isHungry || this.#connections.isCutting) return 0
    const { nowMs, nextSweepMs } = this.#connections
    const sweepMs = Math.max(nextSweepMs, nowMs + SWEEP_LEAST_MS)
    const dueMs = Math.min(
      sweepMs,
      this.#listeners.nextWorkMs,
      this.#closings.nextMs,
      this.#drain?.untilMs ?? Number.POSITIVE_INFINITY,
    )
    return dueMs === Number.POSITIVE_INFINITY ? -1 : Math.max(1, Math.ceil(dueMs - nowMs))
  }

  #complete(): void {
    const { word, result, flags } = this.#kernel
    switch (operationOf(word)) {
      case Operation.ACCEPT:
        this.#listeners.accepted(word, result, flags, this.#connections.nowMs)
        break
      case Operation.WAKE:
        this.#kernel.wake(subject(0, Operation.WAKE))
        this.#mailbox.receive()
        this.#takeHandedOver()
        break
      case Operation.CANCEL_ACCEPT:
        break // the accept's own end says the rest
      default:
        this.#connections.complete()
    }
  }

  // ── accepting ──────────────────────────────────────────────────────────────

  readonly #onAccept = (listening: Listening, fd: number): void => {
    this.#mailbox.refresh()
    // Other workers may not have a listener that is about to be closed.
    if (listening.retiring || !this.#passOn(listening, fd)) this.#serve(listening, fd)
  }

  #passOn({ row }: Listening, fd: number): boolean {
    return this.#handOver.pass(fd, row, this.#connections.nowMs)
  }

  /** The count is that of the worker that serves it. */
  #serve(listening: Listening, fd: number): void {
    this.#connections.count()
    this.#journal.arrived(listening.row, listening.table.generation, this.#connections.decision)
    const reason = this.#decide(listening, fd)
    this.#journal.decided()
    if (reason === ADMITTED) this.#connections.admit(fd, listening.table)
    else this.#connections.refuse(fd, reason)
  }

  #takeHandedOver(): void {
    this.#handOver.take((fd, row) => {
      makeRoom(this.#kernel)
      this.#serve(this.#listeners.atRow(row), fd)
    })
  }

  /** From here on, no other worker hands anything over: what has come is served by the table that it came for. */
  #closeInbox(): void {
    this.#handOver.close()
    this.#takeHandedOver()
  }

  #decide(listening: Listening, fd: number): number {
    if (fd >= this.#descriptorCeiling) return Reason['accept-error']
    if (!this.#identify(listening, fd)) return Reason['client-reset']
    return decide(this.#decider, listening.table, this.#connections.decision)
  }

  /** Fills the query with the connection's addresses; false where the client is already gone. */
  #identify(listening: Listening, fd: number): boolean {
    const { query } = this.#decider
    const { sockets } = this.#kernel
    if (sockets.peerName(fd, this.#peer) < 0) return false
    if (listening.local) copyName(listening.local, this.#local)
    else if (sockets.localName(fd, this.#local) < 0) return false
    if (listening.socket.original) sockets.originalDestination(fd, this.#local)
    query.destinationFamily = this.#local.family
    query.destinationPort = this.#local.port
    query.clientFamily = this.#peer.family
    this.#journal.clientPort = this.#peer.port
    return true
  }

  // ── orders ─────────────────────────────────────────────────────────────────

  #adopt(table: Table): void {
    if (this.#drain) return // no more connections: nothing to route
    this.#closeInbox()
    this.#decider.own = ownListeners(table, this.#task.world.ownAddresses())
    this.#journal.adopt(table.generation)
    this.#listeners.adopt(table, this.#connections.nowMs)
    this.#handOver.open(table.generation)
  }

  readonly #onFree = (reason: number, lastedMs: number): void => {
    this.#handOver.countEnd(lastedMs)
    if (!this.#drain) return
    if (reason === Reason.drain || reason === Reason.stop) this.#drain.reset++
    else this.#drain.closed++
  }

  readonly #close = (row: number, id: number): void => {
    if (this.#journal.isOf(row, id)) this.#connections.close(row, Reason.drain)
  }

  #beginDrain(timeoutMs: number): void {
    if (this.#drain) return
    this.#closeInbox()
    this.#drain = { closed: 0, reset: 0, untilMs: Number.POSITIVE_INFINITY, timeoutMs }
    this.#listeners.retireAll()
  }

  #stop(): void {
    this.#closeInbox()
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
    this.ended = true
  }

  #report(report: Report): void {
    this.#task.port.postMessage(report)
  }
}

function copyName(from: SocketName, to: SocketName): void {
  to.family = from.family
  to.port = from.port
  for (let word = 0; word < 4; word++) to.words[word] = from.words[word]
}

const isShortOfMemory = (result: number): boolean =>
  result === -Errno.EAGAIN || result === -Errno.EBUSY || result === -Errno.ENOMEM
