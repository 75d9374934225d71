/**
 * What comes in: an accepted descriptor is counted and decided about (../decide/decide.ts), and then
 * dialed for, or refused.
 */

import type { Kernel, Memory } from '../../kernel/kernel.ts'
import type { SocketName } from '../../kernel/socket-address.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter } from '../../stats/stats.ts'
import type { Table } from '../../table/format/table.ts'
import { countOpen } from '../decide/balance.ts'
import { ADMITTED, type Decider, type Decision, decide } from '../decide/decide.ts'
import { State } from '../decide/state.ts'
import type { Journal } from '../worker/journal.ts'
import type { Clock } from './deadlines.ts'
import type { Dialer } from './dialer.ts'
import type { Endings } from './endings.ts'
import type { Flows } from './flows.ts'
import type { Listening } from './listeners.ts'
import type { Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { CLIENT, type Slots } from './slots.ts'

/** Called with each admitted connection before anything of it is read: for filters, and a prefix. */
export type OnAdmitted = (slot: number, stages: Stages) => void

/** What stands between two sockets and may be given something of its own. */
export type Stages = {
  readonly memory: Memory
  readonly ports: Ports
  readonly queues: Queues
  readonly flows: Flows
  readonly endings: Endings
}

export type IntakeOptions = {
  readonly kernel: Kernel
  readonly slots: Slots
  readonly decider: Decider
  readonly journal: Journal
  /** Of the connection in question. */
  readonly decision: Decision
  readonly ports: Ports
  readonly dialer: Dialer
  readonly endings: Endings
  readonly clock: Clock
  /** The first descriptor that is too near the limit (../worker/descriptors.ts). */
  readonly descriptorCeiling: number
  readonly onAdmitted: ((slot: number) => void) | undefined
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #counters: Float64Array
  readonly #peer: SocketName
  readonly #local: SocketName

  constructor(options: IntakeOptions) {
    const { stats, worker, query } = options.decider
    this.#options = options
    this.#counters = stats.counters[worker]
    this.#peer = { family: 0, words: query.client, port: 0 }
    this.#local = { family: 0, words: query.destination, port: 0 }
  }

  /** Serves a connection that a listener has accepted, here or in another worker. */
  serve(listening: Listening, fd: number): void {
    const { journal, decision, endings } = this.#options
    this.#counters[Counter.accepted]++
    this.#counters[Counter.open]++
    journal.arrived(listening.row, listening.table.generation, decision)
    const reason = this.#decide(listening, fd)
    journal.decided()
    if (reason === ADMITTED) this.#admit(fd, listening.table)
    else endings.refuse(fd, reason, decision)
  }

  /** The kernel has no files or memory for another: those that wait to be accepted, wait a little longer. */
  countPause(): void {
    this.#counters[Counter.acceptPauses]++
  }

  #decide(listening: Listening, fd: number): number {
    const { decider, decision, descriptorCeiling } = this.#options
    if (fd >= descriptorCeiling) return Reason['accept-error']
    if (!this.#identify(listening, fd)) return Reason['client-reset']
    return decide(decider, listening.table, decision)
  }

  /** Fills the query with the connection's addresses; false where the client is already gone. */
  #identify(listening: Listening, fd: number): boolean {
    const { kernel, decider, journal } = this.#options
    const { sockets } = kernel
    const { query } = decider
    if (sockets.peerName(fd, this.#peer) < 0) return false
    if (listening.local) copyName(listening.local, this.#local)
    else if (sockets.localName(fd, this.#local) < 0) return false
    if (listening.socket.original) sockets.originalDestination(fd, this.#local)
    query.destinationFamily = this.#local.family
    query.destinationPort = this.#local.port
    query.clientFamily = this.#peer.family
    journal.clientPort = this.#peer.port
    return true
  }

  /** Lets it go where the decision says. */
  #admit(fd: number, table: Table): void {
    const { slots, decision, decider, journal, ports, dialer, endings, clock, onAdmitted } = this.#options
    const slot = slots.take()
    if (slot < 0) {
      endings.refuse(fd, Reason['max-connections'], decision)
      return
    }
    slots.enter(slot, State.Dialing)
    slots.fd[2 * slot + CLIENT] = fd
    slots.acceptedMs[slot] = clock.nowMs
    slots.idleTimeoutMs[slot] = decision.idleTimeoutMs
    slots.maxDurationMs[slot] = decision.maxDurationMs
    slots.clusterSlot[slot] = decision.clusterSlot
    journal.opened(slot, decision)
    countOpen(decider, decision.clusterSlot, 1)
    if (onAdmitted) onAdmitted(slot)
    ports.receive(slot, CLIENT)
    dialer.dial(slot, table)
  }
}

function copyName(from: SocketName, to: SocketName): void {
  to.family = from.family
  to.port = from.port
  for (let word = 0; word < 4; word++) to.words[word] = from.words[word]
}
