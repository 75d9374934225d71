/**
 * Reading: receives the bytes that a connection sends for weir itself, before the decision
 * (../decide/reader.ts).
 *
 *   begin ─▶ receive ─▶ bytes, the end, the deadline ─▶ the reader's answer ─┬─▶ TLS? (terminating.ts)
 *              ▲                                          └─ more ─┐         │     └─▶ decided (admission.ts)
 *              │                                                   │         └─▶ reset
 *              └───────────────────────────────────────────────────┘
 *
 * The bytes are in the client's queue, in as few buffers as possible, and are counted only once it
 * is known which of them go on.
 */

import { unreachable } from '../../base/assert.ts'
import type { Memory } from '../../kernel/kernel.ts'
import { Reason } from '../../stats/reasons.ts'
import { Step } from '../../tls/session.ts'
import type { Arrival } from '../decide/arrival.ts'
import { Asked, MORE, READ_BYTES_MAX, refusedFor } from '../decide/reader.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Reception } from '../worker/reception.ts'
import type { Admission } from './admission.ts'
import type { Deadlines } from './deadlines.ts'
import type { Endings } from './endings.ts'
import type { Flows } from './flows.ts'
import { Came, type Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, FlowIs, PortIs, type Slots } from './slots.ts'
import type { Terminating } from './terminating.ts'

type ReadingOptions = {
  readonly memory: Memory
  readonly slots: Slots
  readonly journal: Journal
  readonly reception: Reception
  readonly ports: Ports
  readonly queues: Queues
  readonly deadlines: Deadlines
  readonly flows: Flows
  readonly terminating: Terminating
  readonly admission: Admission
  readonly endings: Endings
}

export class Reading {
  readonly #options: ReadingOptions
  /** Joins the bytes of several buffers; allocated at first use. */
  #scratch = new Uint8Array(0)

  constructor(options: ReadingOptions) {
    this.#options = options
  }

  begin(slot: number, arrival: Arrival): void {
    const { slots, journal } = this.#options
    slots.readings.set(slot, arrival)
    slots.activeMs[slot] = slots.acceptedMs[slot]
    journal.reading(slot, arrival)
    this.#goOn(slot, arrival)
  }

  /** A receive has completed. */
  received(slot: number, result: number, flags: number, buffer: number): void {
    const { slots, ports, queues, memory, terminating, endings } = this.#options
    const at = 2 * slot + CLIENT
    const came = ports.received(slot, CLIENT, result, flags, buffer)
    switch (came) {
      case Came.bytes:
        queues.addCompact(at, buffer, result, memory.u8)
        if (!this.#shakes(slot)) this.#ask(slot, Asked.bytes)
        break
      case Came.end:
        if (terminating.isShaking(slot)) terminating.ended(slot)
        else {
          slots.flow[at] |= FlowIs.ended
          this.#ask(slot, Asked.end)
        }
        break
      case Came.stopped:
        this.#receive(slot)
        break
      case Came.broken:
        endings.break(slot, CLIENT, result)
        break
      case Came.nothing:
        break
      default:
        unreachable(came)
    }
  }

  /** The socket is readable again. */
  ready(slot: number, events: number): void {
    if (events < 0) this.#options.endings.break(slot, CLIENT, events)
    else this.#receive(slot)
  }

  /** Its time is up. */
  late(slot: number): void {
    const { terminating } = this.#options
    if (terminating.isShaking(slot)) terminating.late(slot)
    else this.#ask(slot, Asked.late)
  }

  /** weir's words to the client have gone out. */
  sent(slot: number): void {
    this.#options.terminating.sent(slot)
  }

  /** Whether it is in a handshake, which its bytes are for. */
  #shakes(slot: number): boolean {
    const { slots, terminating } = this.#options
    if (!terminating.isShaking(slot)) return false
    const arrival = slots.readings.get(slot)
    if (arrival) this.#follow(slot, arrival, terminating.goOn(slot, arrival))
    return true
  }

  #follow(slot: number, arrival: Arrival, step: Step): void {
    const { slots, admission } = this.#options
    if (step === Step.done) admission.decide(slot, arrival)
    else if (slots.state[slot] === State.Reading) this.#goOn(slot, arrival)
  }

  #ask(slot: number, asked: Asked): void {
    const { slots, queues, memory, reception, terminating, admission, endings } = this.#options
    const arrival = slots.readings.get(slot)
    if (arrival === undefined) return
    const at = 2 * slot + CLIENT
    if (queues.count(at) > 1 && this.#scratch.length === 0) this.#scratch = new Uint8Array(2 * READ_BYTES_MAX)
    const answer = reception.read(arrival, queues.gather(at, memory.u8, this.#scratch), asked)
    const reason = refusedFor(answer)
    if (answer === MORE) this.#answer(slot, arrival)
    else if (reason >= 0) endings.close(slot, reason)
    else {
      queues.skip(at, answer)
      if (arrival.server === null) admission.decide(slot, arrival)
      else this.#follow(slot, arrival, terminating.begin(slot, arrival, arrival.server))
    }
  }

  /** Sends the reader's reply to the client, and reads on. */
  #answer(slot: number, arrival: Arrival): void {
    const { queues, memory, flows, endings } = this.#options
    if (arrival.reply !== 0) {
      const buffer = queues.borrow(false)
      if (buffer < 0) {
        endings.close(slot, Reason['accept-error'])
        return
      }
      memory.u8[queues.placeOf(buffer)] = arrival.reply
      arrival.reply = 0
      flows.put(slot, CLIENT, buffer, 1, 0, false)
    }
    this.#goOn(slot, arrival)
  }

  #goOn(slot: number, arrival: Arrival): void {
    const { slots, deadlines } = this.#options
    slots.readUntilMs[slot] = arrival.readUntilMs
    deadlines.expect(slot)
    this.#receive(slot)
  }

  /** In small pieces: the large buffers are for admitted connections. */
  #receive(slot: number): void {
    const { slots, ports } = this.#options
    const at = 2 * slot + CLIENT
    slots.port[at] &= ~PortIs.larger
    if (!ports.isBusy(at)) ports.receive(slot, CLIENT)
  }
}
