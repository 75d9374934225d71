/**
 * How a connection ends: in order, or by a reset of both sides. Its sockets are closed only when no
 * operation of its slot is left in the kernel, so a descriptor is never used again too early.
 *
 *   settle ─▶ what is in the kernel is called back ─▶ the last completion ─▶ sockets closed, slot free
 *     └─ with a reset ─▶ waits for its turn to be cut ───────┘
 *
 * Each turn of the loop resets only a few connections, which takes some milliseconds, and serves
 * the others in between.
 */

import { mark } from '../../base/mark.ts'
import { Errno, errnoName } from '../../kernel/errno.ts'
import { type Kernel, makeRoom } from '../../kernel/kernel.ts'
import { Counter, closedAt } from '../../stats/stats.ts'
import type { Arrival } from '../decide/arrival.ts'
import type { Attempts } from '../decide/attempts.ts'
import { countOpen } from '../decide/balance.ts'
import type { Decider } from '../decide/decide.ts'
import { relayFailure } from '../decide/failures.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Reception } from '../worker/reception.ts'
import type { Ask } from './ask.ts'
import type { Clock, Deadlines } from './deadlines.ts'
import type { Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, type Side, type Slots, UPSTREAM } from './slots.ts'
import type { Splicer } from './splice.ts'
import type { Tally } from './tally.ts'

/**
 * Connections being reset at the same time: each ends two or three operations, and io_uring
 * delivers 20 completions a turn (IO_LOCAL_TW_DEFAULT_MAX in io_uring/io_uring.h, Linux 6.13), in
 * order. So a connection waits behind at most these.
 */
const CUT_AT_ONCE = 32
/** Bounds loops that may not end. */
const CUT_EACH_TURN = 4

type EndingsOptions = {
  readonly kernel: Kernel
  readonly ask: Ask
  readonly slots: Slots
  readonly ports: Ports
  readonly queues: Queues
  readonly splicer: Splicer
  readonly attempts: Attempts
  readonly decider: Decider
  readonly journal: Journal
  readonly reception: Reception
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly tally: Tally
  /** An upstream has failed; true: another one is dialed instead. */
  readonly redial: (slot: number, error: number) => boolean
}

export class Endings {
  readonly #options: EndingsOptions
  readonly #slots: Slots
  readonly #counters: Float64Array
  /** Slots to reset, in the order in which they ended. */
  #doomed: number[] = []
  /** Slots that were reset and are not closed yet. */
  #cutting = 0

  constructor(options: EndingsOptions) {
    this.#options = options
    this.#slots = options.slots
    this.#counters = options.decider.stats.counters[options.decider.worker]
  }

  /**
   * Ends a counted connection that goes nowhere and has nothing in the kernel; slot or descriptor
   * −1: it has none. It has no row, so it is recorded before its client knows: nobody else could
   * tell of it if this worker died now.
   */
  refuse(slot: number, fd: number, arrival: Arrival, reason: number): void {
    const { kernel, journal, reception, clock } = this.#options
    journal.refused(-1, arrival, reason, clock.nowMs)
    this.#count(reason, 0)
    reception.leave(arrival)
    if (slot >= 0) this.#free(slot)
    if (fd >= 0) kernel.sockets.resetClose(fd)
  }

  #free(slot: number): void {
    const slots = this.#slots
    slots.fd[2 * slot + CLIENT] = -1
    slots.enter(slot, State.Closing)
    slots.enter(slot, State.Free)
    slots.free(slot)
  }

  /** Resets both sides; the first reason counts. */
  close(slot: number, reason: number): void {
    const { state, resets } = this.#slots
    if (state[slot] === State.Closing) return
    resets[slot] = 1
    this.settle(slot, reason)
  }

  closeAll(reason: number): void {
    const { state, used } = this.#slots
    for (let slot = 0; slot < used; slot++) if (state[slot] !== State.Free) this.close(slot, reason)
  }

  /** A socket of `side` failed, with −errno; 0: a reset. */
  break(slot: number, side: Side, result: number): void {
    const error = result || -Errno.ECONNRESET
    if (side === UPSTREAM && this.#options.redial(slot, error)) return
    this.#options.journal.broke(slot, error)
    this.close(slot, relayFailure(side === CLIENT ? 'client' : 'upstream', errnoName(error)))
  }

  /** Relays nothing more; operations in the kernel end, and then the sockets are closed. */
  settle(slot: number, reason: number): void {
    const slots = this.#slots
    const { attempts, decider, ports, deadlines } = this.#options
    const wasReading = slots.state[slot] === State.Reading
    slots.enter(slot, State.Closing)
    deadlines.forget(slot)
    slots.reason[slot] = reason
    if (!wasReading) {
      countOpen(decider, slots.clusterSlot[slot], -1)
      attempts.ended(slot)
    }
    if (slots.resets[slot] === 1) {
      slots.resets[slot] = 2
      this.#doomed.push(slot)
      return
    }
    const polls = ports.unwatch(slot)
    if (slots.inFlight[slot] > 2 * polls) {
      this.#cancel(slot, CLIENT)
      this.#cancel(slot, UPSTREAM)
    }
    this.endWhenIdle(slot)
  }

  /** Whether `cut` has work. */
  get isCutting(): boolean {
    return this.#doomed.length > 0
  }

  /** Resets some of the waiting slots, which ends their operations in the kernel. */
  cut(): void {
    const { kernel, ports } = this.#options
    const count = Math.max(CUT_EACH_TURN, CUT_AT_ONCE - this.#cutting)
    for (const slot of this.#doomed.splice(0, count)) {
      this.#cutting++
      makeRoom(kernel)
      this.#slots.resets[slot] = 1
      this.#abort(slot, CLIENT)
      this.#abort(slot, UPSTREAM)
      ports.unwatch(slot)
      this.endWhenIdle(slot)
    }
  }

  /** Closes and frees the slot, unless it still has operations in the kernel. */
  endWhenIdle(slot: number): void {
    const slots = this.#slots
    const { journal, clock } = this.#options
    if (slots.inFlight[slot] > 0 || slots.resets[slot] === 2) {
      mark('an end waits for operations')
      return
    }
    if (slots.resets[slot] === 1) this.#cutting--
    this.#closeSide(slot, CLIENT)
    this.#closeSide(slot, UPSTREAM)
    slots.enter(slot, State.Free)
    const reason = slots.reason[slot]
    slots.free(slot)
    const arrival = slots.readings.size > 0 ? slots.readings.get(slot) : undefined
    if (arrival) this.#endReading(slot, arrival, reason)
    else journal.closed(slot, reason, clock.nowMs)
    this.#count(reason, clock.nowMs - slots.acceptedMs[slot])
  }

  /** It was read from, and went nowhere. */
  #endReading(slot: number, arrival: Arrival, reason: number): void {
    const { journal, reception, clock } = this.#options
    this.#slots.readings.delete(slot)
    journal.refused(slot, arrival, reason, clock.nowMs)
    reception.leave(arrival)
  }

  #count(reason: number, lastedMs: number): void {
    // In this order: where no connection is open, each has been counted under a reason.
    this.#counters[closedAt(reason)]++
    this.#counters[Counter.open]--
    this.#options.tally.count(reason, lastedMs)
  }

  #endFilter(slot: number, side: Side): void {
    const { ports } = this.#options
    const filter = ports.filter(2 * slot + side)
    if (filter === null) return
    ports.setFilter(2 * slot + side, null)
    filter.closed(slot, side)
  }

  #abort(slot: number, side: Side): void {
    const fd = this.#slots.fd[2 * slot + side]
    if (fd < 0 || this.#options.kernel.sockets.abort(fd) >= 0) return
    mark('a reset fails')
    this.#cancel(slot, side)
  }

  #cancel(slot: number, side: Side): void {
    if (this.#slots.fd[2 * slot + side] >= 0) this.#options.ask.cancelAll(slot, side)
  }

  #closeSide(slot: number, side: Side): void {
    const { fd, resets } = this.#slots
    const { kernel, ask, queues, splicer } = this.#options
    const at = 2 * slot + side
    if (fd[at] >= 0 && resets[slot] === 1) kernel.sockets.resetClose(fd[at])
    else if (fd[at] >= 0) ask.close(slot, side)
    fd[at] = -1
    this.#endFilter(slot, side)
    queues.drop(at)
    splicer.drop(at)
  }
}
