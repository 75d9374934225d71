/** Admission: decides about a connection (../decide/decide.ts), then dials or refuses. */

import type { Memory } from '../../kernel/kernel.ts'
import type { Arrival } from '../decide/arrival.ts'
import { countOpen } from '../decide/balance.ts'
import type { Decider } from '../decide/decide.ts'
import { ADMITTED } from '../decide/decision.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Reception } from '../worker/reception.ts'
import type { Dialer } from './dialer.ts'
import type { Endings } from './endings.ts'
import type { Flows } from './flows.ts'
import type { Passage } from './passage.ts'
import type { Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, FlowIs, type Slots } from './slots.ts'
import type { Starttls } from './starttls.ts'

/**
 * Called with each admitted connection before it is received from again: for filters, and for a
 * prefix. Filters get the rest of the client's bytes afterwards. The connection cannot be ended
 * yet.
 */
export type OnAdmitted = (slot: number, stages: Stages) => void

/** The parts that a filter gets to do its work. */
export type Stages = {
  readonly memory: Memory
  readonly ports: Ports
  readonly queues: Queues
  readonly passage: Passage
  readonly flows: Flows
  readonly endings: Endings
}

type AdmissionOptions = {
  readonly slots: Slots
  readonly decider: Decider
  readonly journal: Journal
  readonly reception: Reception
  readonly ports: Ports
  readonly queues: Queues
  readonly passage: Passage
  readonly dialer: Dialer
  readonly endings: Endings
  readonly starttls: Starttls
  readonly onAdmitted: ((slot: number) => void) | undefined
}

export class Admission {
  readonly #options: AdmissionOptions

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** Decides about a connection in Reading; reading ends. */
  decide(slot: number, arrival: Arrival): void {
    const { slots, reception, endings } = this.#options
    const reason = reception.decide(arrival)
    if (reason === ADMITTED) this.#admit(slot, arrival)
    else if (slots.readings.has(slot)) endings.close(slot, reason)
    else endings.refuse(slot, slots.fd[2 * slot + CLIENT], arrival, reason)
  }

  /** Follows the decision; the bytes left by readers go first. */
  #admit(slot: number, arrival: Arrival): void {
    const { slots, decider, journal, reception, ports, queues, passage, dialer, starttls, onAdmitted } =
      this.#options
    const { table, decision } = arrival
    slots.enter(slot, State.Dialing)
    slots.idleTimeoutMs[slot] = decision.idleTimeoutMs
    slots.maxDurationMs[slot] = decision.maxDurationMs
    slots.writeTimeoutMs[slot] = decision.writeTimeoutMs
    slots.clusterSlot[slot] = decision.clusterSlot
    slots.proxyVersion[slot] = decision.proxyVersion
    slots.proxyTlvs[slot] = decision.proxyTlvs
    slots.starttls[slot] = arrival.hearing?.starttls && arrival.server === null ? 1 : 0
    journal.opened(slot, arrival)
    countOpen(decider, decision.clusterSlot, 1)
    const bytes = queues.held(2 * slot + CLIENT)
    const hasSpoken = slots.readings.size > 0 && slots.readings.has(slot)
    if (onAdmitted) onAdmitted(slot)
    if (slots.starttls[slot] === 1) starttls.begin(slot)
    // What terminating.ts has decrypted passes no filter again.
    const isFiltered = hasSpoken && arrival.server === null && ports.isFiltered(slot)
    if (bytes > 0 && !isFiltered) passage.cameEarly(slot, bytes)
    this.#receive(slot)
    if (slots.readings.size > 0) slots.readings.delete(slot)
    if (table) dialer.dial(slot, table, decision)
    if (isFiltered) passage.tellEarly(slot)
    reception.leave(arrival)
  }

  #receive(slot: number): void {
    const { slots, ports } = this.#options
    const at = 2 * slot + CLIENT
    if (!ports.isBusy(at) && (slots.flow[at] & FlowIs.ended) === 0) ports.receive(slot, CLIENT)
  }
}
