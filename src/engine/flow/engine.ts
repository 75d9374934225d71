/**
 * The `uring` engine: the data plane of one worker on one io_uring, in a loop that never returns to
 * Node's own.
 *
 *   wait ─▶ orders, accepts, completions ─▶ what follows from them is prepared ─▶ submitted with the next wait
 *
 * A connection that is accepted here may be another worker's to serve, and the other way round
 * (hand-over.ts).
 *
 * While the thread waits, nothing of Node runs in it: no timer, no promise, no print. Orders come by
 * the mailbox after a wake, reports go out by the port, counts by shared memory.
 */

import { assert } from '../../base/assert.ts'
import { Arena } from '../../kernel/arena.ts'
import { Errno, errnoName } from '../../kernel/errno.ts'
import type { SocketName } from '../../kernel/socket-address.ts'
import { Sockets } from '../../kernel/sockets.ts'
import { Buffers } from '../../kernel/uring/buffers.ts'
import { Cqe } from '../../kernel/uring/io-uring.ts'
import type { Ring } from '../../kernel/uring/ring.ts'
import { closeRing, openRing, stopRing } from '../../kernel/uring/ring-setup.ts'
import { operationOf, subject } from '../../kernel/user-data.ts'
import { openWake, Wake } from '../../kernel/wake.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Table } from '../../table/format/table.ts'
import { ownListeners } from '../../table/match/own-listeners.ts'
import { ADMITTED, createDecider, type Decider, decide } from '../decide/decide.ts'
import { Closings } from '../worker/closings.ts'
import { descriptorCeiling } from '../worker/descriptors.ts'
import { Journal } from '../worker/journal.ts'
import { Mailbox } from '../worker/mailbox.ts'
import type { EngineTask, Report } from '../worker/protocol.ts'
import { Connections, ENTRIES_EACH } from './connections.ts'
import { dialerBytes } from './dialer.ts'
import { HandOver } from './hand-over.ts'
import { Listeners, type Listening } from './listeners.ts'
import * as Operation from './operations.ts'

const RING_ENTRIES = 4096
const COMPLETIONS = 16_384
/** Only those that are used take memory. */
const SMALL = { group: 0, count: 32_768, offered: 256, bytesEach: 2048 }
/** 256 KiB each gave 1.4 times the bulk throughput of 64 KiB. */
const LARGE = { group: 1, count: 128, offered: 128, bytesEach: 262_144 }
const BUFFER_BYTES = SMALL.count * SMALL.bytesEach + LARGE.count * LARGE.bytesEach
/** Between two sweeps, however close the deadlines. */
const SWEEP_LEAST_MS = 20

/** Serves until it is told to drain or stop; nothing is left open then. */
export async function runUringEngine(task: EngineTask): Promise<void> {
  new UringEngine(task).run()
}

type Drain = { closed: number; reset: number; untilMs: number; readonly timeoutMs: number }

class UringEngine {
  readonly #task: EngineTask
  readonly #ring: Ring
  readonly #wake: Wake
  readonly #sockets: Sockets
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
  #ended = false

  constructor(task: EngineTask) {
    this.#task = task
    this.#descriptorCeiling = descriptorCeiling(task.world)
    this.#decider = createDecider(task)
    const { query } = this.#decider
    this.#journal = new Journal(task, query)
    this.#peer = { family: 0, words: query.client, port: 0 }
    this.#local = { family: 0, words: query.destination, port: 0 }
    const arena = must(Arena.map(BUFFER_BYTES + dialerBytes(RING_ENTRIES) + 65_536))
    const sizes = { entries: RING_ENTRIES, completions: COMPLETIONS, roomEach: ENTRIES_EACH }
    this.#ring = must(openRing(arena, sizes))
    const buffers = {
      small: must(Buffers.open(this.#ring, SMALL)),
      large: must(Buffers.open(this.#ring, LARGE)),
    }
    this.#sockets = new Sockets(arena)
    this.#handOver = new HandOver(task, this.#decider.stats)
    this.#wake = new Wake(this.#ring, this.#wakeFd())
    this.#mailbox = new Mailbox(task, {
      adopt: table => this.#adopt(table),
      drain: timeoutMs => this.#beginDrain(timeoutMs),
      close: order => this.#closings.add(order, this.#connections.nowMs),
      stop: () => this.#stop(),
    })
    const [ring, sockets] = [this.#ring, this.#sockets]
    this.#connections = new Connections({
      ...{ ring, buffers, sockets, decider: this.#decider, journal: this.#journal, onFree: this.#onFree },
      descriptorCeiling: this.#descriptorCeiling,
    })
    this.#listeners = new Listeners({
      ...{ ring, sockets, onAccept: this.#onAccept, onPause: () => this.#connections.countPause() },
      onListening: (generation, failures) => this.#report({ kind: 'listening', generation, failures }),
    })
  }

  run(): void {
    this.#connections.nowMs = this.#task.world.monotonicMs()
    this.#wake.prepare(this.#ring, subject(0, Operation.WAKE), 0)
    this.#report({ kind: 'waiting', wakeFd: this.#wake.fd })
    try {
      this.#mailbox.receive()
      while (!this.#ended) this.#turn()
    } catch (bug) {
      this.#abandon()
      throw bug
    }
    this.#connections.end()
    this.#ring.submit() // the last closes
    this.#task.port.close()
    closeRing(this.#ring)
    this.#ring.arena.unmap()
  }

  #wakeFd(): number {
    if (this.#handOver.wakeFd >= 0) return this.#handOver.wakeFd
    const fd = openWake()
    assert(fd >= 0, `no eventfd: ${errnoName(fd)}`)
    this.#handOver.wakeFd = fd
    return fd
  }

  /** What is open now, the supervisor closes (../worker/left-behind.ts), and what is in the inbox. */
  #abandon(): void {
    this.#handOver.close()
    this.#ring.submit() // what was to be closed in order, is
    stopRing(this.#ring)
  }

  #turn(): void {
    const ring = this.#ring
    const connections = this.#connections
    const result = ring.submitAndWait(this.#waitMs())
    assert(result === 0 || isShortOfMemory(result), `io_uring_enter: ${errnoName(result)}`)
    assert(ring.lost() === 0, 'the kernel has dropped a completion')
    connections.nowMs = this.#task.world.monotonicMs()
    for (let at = ring.reap(); at >= 0; at = ring.reap()) this.#complete(at)
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
        this.#takeHandedOver()
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
      if (this.#ring.room() < ENTRIES_EACH) this.#ring.submit()
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
    if (this.#sockets.peerName(fd, this.#peer) < 0) return false
    if (listening.local) copyName(listening.local, this.#local)
    else if (this.#sockets.localName(fd, this.#local) < 0) return false
    if (listening.socket.original) this.#sockets.originalDestination(fd, this.#local)
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
    this.#ended = true
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

/** What the probe has seen work must work here, too. */
function must<Part>(part: Part | number): Part {
  assert(typeof part !== 'number', `io_uring is not to be had: ${errnoName(part as number)}`)
  return part as Part
}
