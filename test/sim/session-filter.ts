/**
 * A filter (src/engine/flow/filter.ts) with a session of session.ts for each port that it stands
 * before: the client's, to which it is the server, or the upstream's, to which it is the client.
 */

import type { Stages } from '../../src/engine/flow/admission.ts'
import type { Filter } from '../../src/engine/flow/filter.ts'
import { otherOf, type Side, UPSTREAM } from '../../src/engine/flow/slots.ts'
import { Reason } from '../../src/stats/reasons.ts'
import type { Machine } from './kernel.ts'
import { Session } from './session.ts'

type Port = {
  readonly session: Session
  /** How often, and when last, it was told more since it takes no more. */
  toldHeld: number
  toldMs: number
  /** What the other side has said before the session was ready, and whether it has ended. */
  readonly early: Uint8Array[]
  hasEnded: boolean
  /** The other side knows that this one has ended. */
  hasPassedEnd: boolean
}

/**
 * A receive that is called back may complete as often as in one turn (IN_A_TURN in kernel.ts),
 * which a small queue hands over in several.
 */
const TOLD_MOST = 12
/** Small buffers for a hello. */
const HELLO_BUFFERS = 4

export class SessionFilter implements Filter {
  readonly isTransparent = false
  readonly #stages: Stages
  readonly #machine: Machine
  readonly #ports = new Map<number, Port>()
  /** Slots whose connection it has ended. */
  readonly #over = new Set<number>()

  constructor(stages: Stages, machine: Machine) {
    this.#stages = stages
    this.#machine = machine
  }

  /** Stands before the port from now on. */
  stand(slot: number, side: Side): void {
    const session = new Session(side === UPSTREAM, this.#machine.dice)
    const port = { session, toldHeld: 0, toldMs: 0, early: [], hasEnded: false, hasPassedEnd: false }
    this.#ports.set(2 * slot + side, port)
    this.#stages.ports.setFilter(2 * slot + side, this)
    // Nothing may end a connection that is just being admitted: without buffers, the hello waits.
    if (this.#areThere(HELLO_BUFFERS)) this.#put(slot, side, port, 0)
  }

  said(slot: number, side: Side, buffer: number, bytes: number, _more: boolean): void {
    const port = this.#portOf(slot, side)
    const { session } = port
    const heard = this.#take(buffer, bytes)
    const data: Uint8Array[] = []
    if (!session.isBroken) session.receive(heard, each => data.push(each))
    this.#put(slot, side, port, 0)
    for (const each of data) this.#pass(slot, side, each)
    if (session.isBroken) this.#break(slot, side)
    if (session.isReady && !this.#over.has(slot)) this.#sayEarly(slot, side, port)
    if (!session.heardClose || this.#over.has(slot) || port.hasPassedEnd) return
    port.hasPassedEnd = true
    this.#stages.passage.passEnd(slot, side)
  }

  saidEnd(slot: number, side: Side): void {
    const port = this.#portOf(slot, side)
    if (!port.session.heardClose) this.#break(slot, side)
  }

  tell(slot: number, side: Side, buffer: number, bytes: number, _more: boolean): void {
    const port = this.#portOf(slot, side)
    const data = this.#take(buffer, bytes)
    this.#put(slot, side, port, 0)
    if (port.session.isReady && port.early.length === 0) this.#say(slot, side, port, data)
    else {
      port.early.push(data)
      this.#countHeld(port)
      this.#stages.flows.hold(slot, otherOf(side))
    }
  }

  tellEnd(slot: number, side: Side): void {
    const port = this.#portOf(slot, side)
    if (port.hasEnded) this.#machine.onBug('a filter is told of an end twice')
    port.hasEnded = true
    this.#put(slot, side, port, 0)
    if (port.session.isReady && port.early.length === 0) this.#close(slot, side, port)
  }

  #countHeld(port: Port): void {
    const { nowMs } = this.#machine.clock
    if (nowMs > port.toldMs && ++port.toldHeld > TOLD_MOST)
      this.#machine.onBug('a filter that takes no more is told more')
    port.toldMs = nowMs
  }

  closed(slot: number, side: Side): void {
    this.#ports.delete(2 * slot + side)
    this.#over.delete(slot)
  }

  #areThere(count: number): boolean {
    const { queues } = this.#stages
    const buffers = Array.from({ length: count }, () => queues.borrow(false))
    for (const buffer of buffers) if (buffer >= 0) queues.give(buffer)
    return !buffers.includes(-1)
  }

  #portOf(slot: number, side: Side): Port {
    const port = this.#ports.get(2 * slot + side)
    if (port === undefined) throw new Error(`slot ${slot} has no session before side ${side}`)
    return port
  }

  #take(buffer: number, bytes: number): Uint8Array {
    const { memory, queues } = this.#stages
    const at = queues.placeOf(buffer)
    const taken = memory.u8.slice(at, at + bytes)
    queues.give(buffer)
    return taken
  }

  /** What the other side said while there was a handshake. */
  #sayEarly(slot: number, side: Side, port: Port): void {
    if (port.early.length > 0) {
      port.toldHeld = 0
      for (const data of port.early.splice(0)) this.#say(slot, side, port, data)
      if (!this.#over.has(slot)) this.#stages.flows.resume(slot, otherOf(side))
    }
    if (port.hasEnded && !this.#over.has(slot)) this.#close(slot, side, port)
  }

  #say(slot: number, side: Side, port: Port, data: Uint8Array): void {
    if (this.#over.has(slot)) return
    port.session.say(data)
    this.#put(slot, side, port, data.length)
  }

  #close(slot: number, side: Side, port: Port): void {
    if (port.session.saidClose) return
    port.session.close()
    this.#put(slot, side, port, 0)
    if (!this.#over.has(slot)) this.#stages.flows.putEnd(slot, side)
  }

  /** All that the session has to say goes out to the side. */
  #put(slot: number, side: Side, port: Port, counted: number): void {
    let left = counted
    for (const record of port.session.takeOut())
      this.#inBuffers(slot, record, (buffer, bytes) => {
        const part = Math.min(left, bytes)
        left -= part
        this.#stages.flows.put(slot, side, buffer, bytes, part, false)
      })
  }

  /** What the side has said goes to the other one. */
  #pass(slot: number, side: Side, data: Uint8Array): void {
    this.#inBuffers(slot, data, (buffer, bytes) =>
      this.#stages.passage.pass(slot, side, buffer, bytes, false),
    )
  }

  #inBuffers(slot: number, bytes: Uint8Array, use: (buffer: number, bytes: number) => void): void {
    const { queues, memory, endings } = this.#stages
    const { bytesEach } = queues.small
    for (let at = 0; at < bytes.length && !this.#over.has(slot); at += bytesEach) {
      const piece = bytes.subarray(at, at + bytesEach)
      const buffer = queues.borrow(false)
      if (buffer < 0) {
        this.#over.add(slot)
        endings.close(slot, Reason['accept-error'])
        return
      }
      memory.u8.set(piece, queues.placeOf(buffer))
      use(buffer, piece.length)
    }
  }

  #break(slot: number, side: Side): void {
    if (this.#over.has(slot)) return
    this.#over.add(slot)
    this.#stages.endings.break(slot, side, 0)
  }
}
