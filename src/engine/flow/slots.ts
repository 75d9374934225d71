/**
 * Connections as slots in typed arrays: all state that a worker has of a connection, without an
 * object or a closure.
 *
 * A slot has two sides, the client (0) and the upstream (1), and two directions, each named after
 * the side that its bytes come from. Words of a side or a direction are at 2 × slot + side.
 *
 *   free ─take─▶ in use, until both sockets are closed and the kernel has none of its operations ─free─▶
 *
 * Freeing increments the generation, so that a late completion is recognized.
 */

import { assert } from '../../base/assert.ts'
import type { Arrival } from '../decide/arrival.ts'
import { move, type State } from '../decide/state.ts'

export const CLIENT = 0
export const UPSTREAM = 1
export type Side = typeof CLIENT | typeof UPSTREAM

export const otherOf = (side: Side): Side => (side === CLIENT ? UPSTREAM : CLIENT)

/** The operations and state of a side's socket; bits. */
export const PortIs = {
  /** A receive is in the kernel. */
  receiving: 1,
  /** That receive was cancelled and will end. */
  stopping: 2,
  /** Bytes come in larger pieces: weir receives one at a time. */
  larger: 4,
  /** Waits for a free buffer before it receives again. */
  starved: 8,
  /** A poll waits for a reset: nothing was received for a while. */
  watched: 16,
  /** It was spliced, and is non-blocking from then on. */
  unblocked: 32,
  /** It has reset; its earlier bytes may still go on. */
  broken: 64,
  /** A filter stands between it and the flows (filter.ts). */
  filtered: 128,
  /**
   * A send to it was cut short: it may have reset, and the send may have consumed the error instead
   * of the receive.
   */
  doubted: 256,
  /** A poll for its bytes is in the kernel. */
  polled: 512,
  /** It is to be set up for a long life once it has lived for a while (settle.ts). */
  young: 1024,
  /** A send to it had to wait: a poll for room is in the kernel. */
  full: 2048,
  /** It has reset before a byte has gone either way: another one is dialed once it is quiet. */
  lost: 4096,
} as const

/** The obligations of a direction; bits. */
export const FlowIs = {
  /** Bytes of it are being sent. */
  sending: 1,
  /** The side has ended. */
  ended: 2,
  /** The end was passed to the other side. */
  finished: 4,
  /** A filter cannot take more at the moment: weir receives nothing. */
  held: 8,
  /** The side's socket has ended, and a filter may still keep that: weir receives nothing. */
  heard: 16,
} as const

export class Slots {
  readonly count: number
  /** Written only by `enter`. */
  readonly state: Uint8Array
  readonly generation: Uint32Array
  /**
   * Operations in the kernel, counted by ask.ts: while there is one, no socket of the slot may be
   * closed, except for an upstream's that could not be dialed (dialer.ts).
   */
  readonly inFlight: Uint8Array
  /** The Reason (stats/reasons.ts) for its end, once it is Closing or HalfClosed. */
  readonly reason: Uint8Array
  /** 1: its sockets end with a reset; 2: they wait for the reset, and stay open until then. */
  readonly resets: Uint8Array

  /**
   * By side: the descriptor, or −1; PortIs; and the bytes that came in consecutive large pieces.
   */
  readonly fd: Int32Array
  readonly port: Uint16Array
  readonly streak: Int32Array
  /** By direction: FlowIs, and the bytes in its pipe. */
  readonly flow: Uint8Array
  readonly piped: Int32Array
  /**
   * By direction: since when its bytes wait for the other side's socket; 0: they do not, or nothing
   * limits it.
   */
  readonly owedMs: Float64Array

  /** From accept to the decision; if it is not admitted, until its end. */
  readonly readings = new Map<number, Arrival>()
  readonly readUntilMs: Float64Array
  readonly acceptedMs: Float64Array
  /** When the dial in progress began; once it has succeeded, when that was. */
  readonly dialedMs: Float64Array
  readonly activeMs: Float64Array
  /** Infinity, except while weir waits for the upstream's answer to a request for TLS. */
  readonly agreeUntilMs: Float64Array
  readonly connectTimeoutMs: Int32Array
  readonly idleTimeoutMs: Int32Array
  readonly maxDurationMs: Int32Array
  /** Of the upstream's socket, as in a decision (../decide/decision.ts). */
  readonly keepaliveTimeS: Int32Array
  readonly keepaliveIntervalS: Int32Array
  readonly keepaliveProbes: Int32Array
  readonly userTimeoutMs: Int32Array
  /** 0: no limit. */
  readonly writeTimeoutMs: Int32Array
  /** A word of the shared counts. */
  readonly clusterSlot: Int32Array
  /** Version of the PROXY header for the upstream; 0: none. */
  readonly proxyVersion: Uint8Array
  /** What that header says more: bits of ProxyTlvs. */
  readonly proxyTlvs: Uint8Array
  /** 1: weir first asks the upstream for TLS as PostgreSQL's clients do (starttls.ts). */
  readonly starttls: Uint8Array

  /** One above the highest slot ever used. */
  used = 0
  open = 0
  readonly #free: Int32Array
  #freeCount = 0

  constructor(count: number) {
    this.count = count
    this.state = new Uint8Array(count)
    this.generation = new Uint32Array(count)
    this.inFlight = new Uint8Array(count)
    this.reason = new Uint8Array(count)
    this.resets = new Uint8Array(count)
    this.fd = new Int32Array(2 * count).fill(-1)
    this.port = new Uint16Array(2 * count)
    this.flow = new Uint8Array(2 * count)
    this.piped = new Int32Array(2 * count)
    this.owedMs = new Float64Array(2 * count)
    this.streak = new Int32Array(2 * count)
    this.readUntilMs = new Float64Array(count)
    this.acceptedMs = new Float64Array(count)
    this.dialedMs = new Float64Array(count)
    this.activeMs = new Float64Array(count)
    this.agreeUntilMs = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
    this.connectTimeoutMs = new Int32Array(count)
    this.idleTimeoutMs = new Int32Array(count)
    this.maxDurationMs = new Int32Array(count)
    this.keepaliveTimeS = new Int32Array(count)
    this.keepaliveIntervalS = new Int32Array(count)
    this.keepaliveProbes = new Int32Array(count)
    this.userTimeoutMs = new Int32Array(count)
    this.writeTimeoutMs = new Int32Array(count)
    this.clusterSlot = new Int32Array(count)
    this.proxyVersion = new Uint8Array(count)
    this.proxyTlvs = new Uint8Array(count)
    this.starttls = new Uint8Array(count)
    this.#free = new Int32Array(count)
  }

  /** A slot for a new connection, the one freed last; −1: all are in use. */
  take(): number {
    if (this.#freeCount === 0 && this.used === this.count) return -1
    this.open++
    return this.#freeCount > 0 ? this.#free[--this.#freeCount] : this.used++
  }

  /** Moves `slot` to a state that may follow. */
  enter(slot: number, state: State): void {
    this.state[slot] = move(this.state[slot] as State, state)
  }

  /** Frees `slot`; its sockets are closed. */
  free(slot: number): void {
    assert(this.inFlight[slot] === 0, 'a slot is freed with operations in the kernel', slot)
    assert(this.fd[2 * slot] < 0 && this.fd[2 * slot + 1] < 0, 'a slot is freed with open sockets', slot)
    this.generation[slot]++
    this.port[2 * slot] = this.port[2 * slot + 1] = 0
    this.flow[2 * slot] = this.flow[2 * slot + 1] = 0
    this.streak[2 * slot] = this.streak[2 * slot + 1] = 0
    this.owedMs[2 * slot] = this.owedMs[2 * slot + 1] = 0
    this.resets[slot] = 0
    this.#free[this.#freeCount++] = slot
    this.open--
  }
}
