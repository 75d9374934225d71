/**
 * The data plane of one worker on a kernel that it is given (kernel/kernel.ts), in a loop that
 * never returns to Node's own.
 *
 * wait ─▶ orders, accepts, completions ─▶ operations that follow ─▶ submitted with the next wait
 *
 * Another worker may serve a connection that this one accepted, and vice versa (hand-over.ts).
 *
 * While the thread waits, nothing of Node runs in it: no timer, no promise, no print. Orders arrive
 * in the mailbox with a wake, reports leave through the port, counts through shared memory.
 */

import { assert } from '../../base/assert.ts'
import { Errno } from '../../kernel/errno.ts'
import { type Kernel, makeRoom } from '../../kernel/kernel.ts'
import { operationOf, subject } from '../../kernel/user-data.ts'
import { Reason } from '../../stats/reasons.ts'
import type { Table } from '../../table/format/table.ts'
import { ownListeners } from '../../table/match/own-listeners.ts'
import { createDecider, type Decider } from '../decide/decide.ts'
import { Closings } from '../worker/closings.ts'
import { descriptorCeiling } from '../worker/descriptors.ts'
import { Journal } from '../worker/journal.ts'
import { Mailbox } from '../worker/mailbox.ts'
import type { EngineTask, ListeningSocket, Report } from '../worker/protocol.ts'
import { Reception } from '../worker/reception.ts'
import { WorkerTls } from '../worker/worker-tls.ts'
import type { OnAdmitted } from './admission.ts'
import { Connections } from './connections.ts'
import type { Clock } from './deadlines.ts'
import { HandOver } from './hand-over.ts'
import { Listeners } from './listeners.ts'
import type { Listening } from './listening.ts'
import * as Operation from './operations.ts'
import { Tally } from './tally.ts'

/** Serves until it is told to drain or stop; then nothing is left open. */
export function runFlowEngine(task: EngineTask, kernel: Kernel, onAdmitted?: OnAdmitted): void {
  const engine = new FlowEngine(task, kernel, onAdmitted)
  try {
    engine.start()
    while (!engine.ended) engine.turn()
  } catch (bug) {
    engine.abandon()
    throw bug
  }
  engine.end()
}

/** A drain: at its end the rest is reset. What had ended before it began does not count. */
type Drain = {
  untilMs: number
  readonly timeoutMs: number
  readonly closedBefore: number
  readonly resetBefore: number
}

export class FlowEngine {
  /** It has drained or stopped: only `end` is left to do. */
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
  readonly #clock: Clock = { nowMs: 0 }
  readonly #tally = new Tally()
  readonly #tls: WorkerTls
  #drain: Drain | null = null

  constructor(task: EngineTask, kernel: Kernel, onAdmitted?: OnAdmitted) {
    this.#task = task
    this.#kernel = kernel
    const { tls } = task
    this.#tls = new WorkerTls(tls ? () => tls(kernel.memory) : null)
    this.#decider = createDecider(task)
    this.#journal = new Journal(task)
    this.#handOver = new HandOver(kernel, task, this.#decider.stats, this.#tally)
    this.#mailbox = new Mailbox(task, {
      adopt: table => this.#adopt(table),
      revise: table => this.#revise(table),
      furnish: secrets => this.#tls.furnish(secrets),
      inherit: sockets => this.#listeners.inherit(sockets),
      accept: () => this.#listeners.accept(),
      tellSockets: () => this.#report({ kind: 'sockets', sockets: this.#listeners.sockets }),
      drain: (timeoutMs, shared) => this.#beginDrain(timeoutMs, shared),
      close: order => this.#closings.add(order, this.#clock.nowMs),
      stop: () => this.#stop(),
    })
    this.#connections = new Connections({
      kernel,
      decider: this.#decider,
      journal: this.#journal,
      tally: this.#tally,
      tls: this.#tls,
      onAdmitted,
      clock: this.#clock,
      descriptorCeiling: descriptorCeiling(task.world),
      reception: new Reception(task, this.#decider, this.#journal),
    })
    this.#listeners = new Listeners({
      kernel,
      onAccept: this.#onAccept,
      onPause: () => this.#connections.intake.countPause(),
      onLost: (listening, count) => this.#connections.intake.lose(listening, count),
      onListening: (generation, failures) => this.#report({ kind: 'listening', generation, failures }),
    })
  }

  /** Serves from the first `turn` on. */
  start(): void {
    this.#clock.nowMs = this.#task.world.monotonicMs()
    this.#kernel.wake(subject(0, Operation.WAKE))
    this.#report({ kind: 'waiting', wakeFd: this.#kernel.wakeFd })
    this.#mailbox.receive()
  }

  /** After the last turn. */
  end(): void {
    this.#connections.end()
    this.#tls.end()
    this.#task.port.close()
    this.#kernel.end()
  }

  /**
   * Ends in the middle. The supervisor closes what is open (kernel/left-behind.ts), and what is in
   * the inbox.
   */
  abandon(): void {
    this.#handOver.close()
    this.#kernel.stop()
  }

  /** Waits until something happens, and handles it. */
  turn(): void {
    const kernel = this.#kernel
    const connections = this.#connections
    const clock = this.#clock
    const result = kernel.wait(this.#waitMs())
    assert(result === 0 || isShortOfMemory(result), kernel.name, result)
    assert(kernel.lost() === 0, 'the kernel has dropped a completion')
    clock.nowMs = this.#task.world.monotonicMs()
    while (kernel.next()) this.#complete()
    if (clock.nowMs >= connections.deadlines.nextMs) connections.deadlines.due(connections.look)
    if (clock.nowMs >= this.#closings.nextMs) this.#closings.due(clock.nowMs, this.#close)
    if (clock.nowMs >= this.#listeners.nextWorkMs) this.#listeners.work(clock.nowMs)
    if (connections.ports.isHungry) connections.feed()
    if (connections.endings.isCutting) connections.endings.cut()
    this.#continueDrain()
  }

  /** Time until the next timer; −1: none. */
  #waitMs(): number {
    const { ports, endings, deadlines } = this.#connections
    if (ports.isHungry || endings.isCutting) return 0
    const { nowMs } = this.#clock
    const dueMs = Math.min(
      deadlines.nextMs,
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
        this.#listeners.accepted(word, result, flags, this.#clock.nowMs)
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
    makeRoom(this.#kernel) // a new table asks for accepts and cancels
    // Other workers may lack a listener that is about to close.
    if (listening.retiring || !this.#passOn(listening, fd)) this.#connections.intake.serve(listening, fd)
  }

  #passOn({ row }: Listening, fd: number): boolean {
    return this.#handOver.pass(fd, row, this.#clock.nowMs)
  }

  #takeHandedOver(): void {
    this.#handOver.take((fd, row) => {
      makeRoom(this.#kernel)
      this.#connections.intake.serve(this.#listeners.atRow(row), fd)
    })
  }

  /**
   * From here on, no other worker hands anything over: what has arrived is served by the table that
   * it was meant for.
   */
  #closeInbox(): void {
    this.#handOver.close()
    this.#takeHandedOver()
  }

  // ── orders ─────────────────────────────────────────────────────────────────

  #revise(table: Table): void {
    this.#decider.newest = table
    this.#listeners.revise(table)
  }

  #adopt(table: Table): void {
    if (this.#drain) return // no more connections: nothing to route
    this.#closeInbox()
    this.#decider.newest = table
    this.#decider.own = ownListeners(table, this.#task.world.ownAddresses())
    this.#journal.adopt(table.generation)
    this.#listeners.adopt(table)
    this.#handOver.open(table.generation)
  }

  readonly #close = (row: number, id: number, policy: number, generation: number, reason: number): void => {
    if (!this.#journal.isOf(row, id)) return
    if (policy > 0) this.#journal.denied(row, policy, generation)
    this.#connections.endings.close(row, policy > 0 ? Reason['denied-by-policy'] : reason)
  }

  #beginDrain(timeoutMs: number, shared?: readonly ListeningSocket[]): void {
    if (this.#drain) return
    this.#closeInbox()
    this.#drain = this.#drainOf(Number.POSITIVE_INFINITY, timeoutMs)
    this.#listeners.retireAll(shared)
  }

  #stop(): void {
    this.#closeInbox()
    this.#drain ??= this.#drainOf(0, 0)
    this.#listeners.retireAll()
    this.#connections.endings.closeAll(Reason.stop)
  }

  #drainOf(untilMs: number, timeoutMs: number): Drain {
    const { closed, reset } = this.#tally
    return { untilMs, timeoutMs, closedBefore: closed, resetBefore: reset }
  }

  /** The time of a drain starts once every queue is empty. */
  #continueDrain(): void {
    const drain = this.#drain
    if (!drain || this.#listeners.count > 0) return
    const { slots, endings } = this.#connections
    const { nowMs } = this.#clock
    if (drain.untilMs === Number.POSITIVE_INFINITY) drain.untilMs = nowMs + drain.timeoutMs
    if (slots.open > 0 && nowMs >= drain.untilMs) endings.closeAll(Reason.drain)
    if (slots.open > 0) return
    const { closed, reset } = this.#tally
    this.#report({ kind: 'drained', closed: closed - drain.closedBefore, reset: reset - drain.resetBefore })
    this.ended = true
  }

  #report(report: Report): void {
    this.#task.port.postMessage(report)
  }
}

const isShortOfMemory = (result: number): boolean =>
  result === -Errno.EAGAIN || result === -Errno.EBUSY || result === -Errno.ENOMEM
