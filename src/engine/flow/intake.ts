/**
 * Intake: gives an accepted descriptor a slot, counts it and asks for its addresses. Then weir
 * decides (admission.ts), or reads first (reading.ts).
 */

import { mark } from '../../base/mark.ts'
import type { SocketCalls } from '../../kernel/kernel.ts'
import { createSocketName, type SocketName } from '../../kernel/socket-address.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter } from '../../stats/stats.ts'
import type { Arrival } from '../decide/arrival.ts'
import type { Decider } from '../decide/decide.ts'
import { State } from '../decide/state.ts'
import type { Reception } from '../worker/reception.ts'
import type { Admission } from './admission.ts'
import type { Clock } from './deadlines.ts'
import type { Endings } from './endings.ts'
import type { Listening } from './listening.ts'
import type { Reading } from './reading.ts'
import { CLIENT, type Slots } from './slots.ts'

type IntakeOptions = {
  readonly sockets: SocketCalls
  readonly slots: Slots
  readonly decider: Decider
  readonly reception: Reception
  readonly reading: Reading
  readonly admission: Admission
  readonly endings: Endings
  readonly clock: Clock
  /** The first descriptor that is too near the limit (../worker/descriptors.ts). */
  readonly descriptorCeiling: number
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #counters: Float64Array
  /** Filled for the current connection. */
  readonly #peer = createSocketName()
  readonly #local = createSocketName()

  constructor(options: IntakeOptions) {
    const { stats, worker } = options.decider
    this.#options = options
    this.#counters = stats.counters[worker]
  }

  /** Serves a connection that a listener accepted, here or in another worker. */
  serve(listening: Listening, fd: number): void {
    const { reception, reading, admission, endings, clock } = this.#options
    this.#counters[Counter.accepted]++
    this.#counters[Counter.open]++
    const arrival = reception.arrive(listening.table, listening.row, clock.nowMs)
    const slot = this.#take(fd)
    const reason = this.#refusal(listening, slot, fd, arrival)
    if (reason >= 0) endings.refuse(slot, fd, arrival, reason)
    else if (reception.reads(arrival, clock.nowMs)) reading.begin(slot, arrival)
    else admission.decide(slot, arrival)
  }

  /** The kernel has no files or memory for another: the queue waits a little longer. */
  countPause(): void {
    this.#counters[Counter.acceptPauses]++
  }

  /** This many were never accepted, for lack of descriptors; the kernel resets them now. */
  lose(listening: Listening, count: number): void {
    const { reception, endings, clock } = this.#options
    for (let left = count; left > 0; left--) {
      this.#counters[Counter.accepted]++
      this.#counters[Counter.open]++
      const arrival = reception.arrive(listening.table, listening.row, clock.nowMs)
      endings.refuse(-1, -1, arrival, Reason['accept-error'])
    }
  }

  /** A slot in Reading, or −1 if none is left. */
  #take(fd: number): number {
    const { slots, clock } = this.#options
    const slot = slots.take()
    if (slot < 0) return slot
    slots.enter(slot, State.Reading)
    slots.fd[2 * slot + CLIENT] = fd
    slots.acceptedMs[slot] = clock.nowMs
    return slot
  }

  /** The reason for which weir cannot even decide about it, or −1. */
  #refusal(listening: Listening, slot: number, fd: number, arrival: Arrival): number {
    const isKnown = this.#identify(listening, fd, arrival)
    if (fd >= this.#options.descriptorCeiling) return Reason['accept-error']
    if (!isKnown) return Reason['client-reset']
    return slot < 0 ? Reason['max-connections'] : -1
  }

  /** Fills in the connection's addresses; false if the client is already gone. */
  #identify({ local, socket }: Listening, fd: number, arrival: Arrival): boolean {
    const { sockets } = this.#options
    const { query } = arrival
    if (sockets.peerName(fd, this.#peer) < 0) {
      mark('a client is gone before it is known')
      return false
    }
    if (local) copyName(local, this.#local)
    else if (sockets.localName(fd, this.#local) < 0) return false
    if (socket.original) sockets.originalDestination(fd, this.#local)
    query.clientFamily = this.#peer.family
    arrival.clientPort = this.#peer.port
    query.destinationFamily = this.#local.family
    query.destinationPort = this.#local.port
    for (let word = 0; word < 4; word++) {
      query.client[word] = this.#peer.words[word]
      query.destination[word] = this.#local.words[word]
    }
    return true
  }
}

function copyName(from: SocketName, to: SocketName): void {
  to.family = from.family
  to.port = from.port
  for (let word = 0; word < 4; word++) to.words[word] = from.words[word]
}
