/**
 * The passage: bytes from a side pass its filter and the other side's, if there are any
 * (filter.ts), and enter the flow (flows.ts).
 *
 *   port ─▶ filter? ─ pass ─▶ the other side's filter? ─ put ─▶ flow
 */

import { unreachable } from '../../base/assert.ts'
import { mark } from '../../base/mark.ts'
import { type Memory, NONEMPTY } from '../../kernel/kernel.ts'
import { State } from '../decide/state.ts'
import type { Account } from './account.ts'
import type { Clock } from './deadlines.ts'
import type { Endings } from './endings.ts'
import type { Flows } from './flows.ts'
import * as Operation from './operations.ts'
import { Came, type Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, FlowIs, otherOf, type Side, type Slots } from './slots.ts'

type PassageOptions = {
  readonly memory: Memory
  readonly slots: Slots
  readonly ports: Ports
  readonly queues: Queues
  readonly account: Account
  readonly flows: Flows
  readonly endings: Endings
  readonly clock: Clock
}

export class Passage {
  readonly #memory: Memory
  readonly #slots: Slots
  readonly #ports: Ports
  readonly #queues: Queues
  readonly #account: Account
  readonly #flows: Flows
  readonly #endings: Endings
  readonly #clock: Clock

  constructor(options: PassageOptions) {
    this.#memory = options.memory
    this.#slots = options.slots
    this.#ports = options.ports
    this.#queues = options.queues
    this.#account = options.account
    this.#flows = options.flows
    this.#endings = options.endings
    this.#clock = options.clock
  }

  /** A receive of `side` has completed. */
  received(slot: number, side: Side, result: number, flags: number, buffer: number): void {
    const came = this.#ports.received(slot, side, result, flags, buffer)
    switch (came) {
      case Came.bytes:
        this.#take(slot, side, buffer, result, (flags & NONEMPTY) !== 0)
        break
      case Came.end:
        this.#takeEnd(slot, side)
        break
      case Came.stopped:
        if (this.#queues.count(2 * slot + side) === 0) this.#flows.goOn(slot, side)
        break
      case Came.broken:
        this.#endings.break(slot, side, result)
        break
      case Came.nothing:
        break
      default:
        unreachable(came)
    }
  }

  /** `bytes` bytes came from the client during reading (reading.ts), and go on. */
  cameEarly(slot: number, bytes: number): void {
    this.#account.came(slot, CLIENT, bytes)
  }

  /**
   * A filter is placed before a client that was read from (reading.ts): it gets everything that the
   * client sent, as if it came only now. weir's own bytes in between stay where they are.
   */
  tellEarly(slot: number): void {
    const { flow } = this.#slots
    const queues = this.#queues
    const direction = 2 * slot + CLIENT
    const hasEnded = (flow[direction] & FlowIs.ended) !== 0
    for (let left = queues.count(direction); left > 0 && !this.#isEnding(slot); left--) {
      const bytes = queues.bytes(direction)
      const isOurs = queues.counted(direction, bytes) === 0
      const buffer = queues.takeFirst(direction, this.#memory.u8)
      if (isOurs) queues.add(direction, buffer, bytes, 0)
      else this.#take(slot, CLIENT, buffer, bytes, left > 1 || hasEnded)
    }
    if (!hasEnded || this.#isEnding(slot)) return
    flow[direction] &= ~FlowIs.ended
    this.#takeEnd(slot, CLIENT)
  }

  #take(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    const filter = this.#ports.filter(2 * slot + side)
    this.#slots.activeMs[slot] = this.#clock.nowMs
    if (filter === null) {
      this.pass(slot, side, buffer, bytes, more)
      return
    }
    filter.said(slot, side, buffer, bytes, more)
    // It may have kept them, or ended the connection.
    const isKept = this.#queues.count(2 * slot + side) === 0 && !this.#ports.isBusy(2 * slot + side)
    if (isKept && !this.#isEnding(slot)) this.#flows.goOn(slot, side)
  }

  #takeEnd(slot: number, side: Side): void {
    const filter = this.#ports.filter(2 * slot + side)
    this.#slots.flow[2 * slot + side] |= FlowIs.heard
    if (filter === null) this.passEnd(slot, side)
    else filter.saidEnd(slot, side)
  }

  /**
   * Bytes of `side` go to the other side. A filter calls this, if there is one.
   *
   * @param more  More bytes follow at once, or the end does.
   */
  pass(slot: number, side: Side, buffer: number, bytes: number, more: boolean): void {
    const to = otherOf(side)
    const filter = this.#ports.filter(2 * slot + to)
    this.#account.came(slot, side, bytes)
    if (filter === null) this.#flows.put(slot, to, buffer, bytes, bytes, more)
    else filter.tell(slot, to, buffer, bytes, more)
  }

  /** `side` has ended; its earlier bytes go first. A filter calls this, if there is one. */
  passEnd(slot: number, side: Side): void {
    const to = otherOf(side)
    const filter = this.#ports.filter(2 * slot + to)
    if (filter === null) this.#flows.putEnd(slot, to)
    else filter.tellEnd(slot, to)
  }

  /**
   * While the connection closes: new bytes are lost, and bytes being sent may have arrived. It is
   * unknown how many of the new bytes a filter would have passed on.
   */
  late(slot: number, kind: number, side: Side, bytes: number): void {
    if (kind === Operation.SEND) this.#account.went(slot, otherOf(side), bytes)
    else if (kind !== Operation.RECEIVE && kind !== Operation.RECEIVE_LARGER) return
    else if (this.#ports.filter(2 * slot + side) === null) this.#account.came(slot, side, bytes)
    else mark('bytes for a filter while it is being closed')
  }

  #isEnding(slot: number): boolean {
    const state = this.#slots.state[slot]
    return state === State.Closing || state === State.Free
  }
}
