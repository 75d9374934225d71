/**
 * Connections as slots in typed arrays: a worker's state of each, without an object or a closure.
 *
 * A slot has two sides, the client (0) and the upstream (1), and two directions, each named after
 * the side that its bytes come from. Words of a side or a direction stand at 2 × slot + side.
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
  /** A receive of it is in the kernel. */
  receiving: 1,
  /** That receive is to end: it was called back. */
  stopping: 2,
  /** Bytes come in larger pieces: received one at a time. */
  larger: 4,
  /** Waits for a free buffer before it receives again. */
  starved: 8,
  /** A reset is waited for by a poll: nothing was received from it for a while. */
  watched: 16,
  /** It has been spliced: it does not block from then on. */
  unblocked: 32,
  /** It has reset, and what it said before may still go on. */
  broken: 64,
  /** Something stands between it and the flows (filter.ts). */
  filtered: 128,
  /**
   * A send to it was cut short: it may have reset, and the send may have been told instead of the
   * receive.
   */
  doubted: 256,
  /** A poll for its bytes is in the kernel. */
  polled: 512,
  /** It is to be set up for a long life once it has lived for a while (settle.ts). */
  young: 1024,
} as const

/** What a direction owes; bits. */
export const FlowIs = {
  /** Bytes of it are being sent. */
  sending: 1,
  /** The side said that no more comes. */
  ended: 2,
  /** The other side has been told. */
  finished: 4,
  /** A filter cannot take more of it for the moment: nothing is received. */
  held: 8,
} as const

export class Slots {
  readonly count: number
  /** Only `enter` writes it. */
  readonly state: Uint8Array
  readonly generation: Uint32Array
  /**
   * Operations in the kernel, which ask.ts counts: while there is one, no socket of the slot may be
   * closed, but for an upstream's that could not be dialed (dialer.ts).
   */
  readonly inFlight: Uint8Array
  /** Reason (stats/reasons.ts) for which it ends, once it is Closing or HalfClosed. */
  readonly reason: Uint8Array
  /** 1: its sockets end with a reset; 2: they are to be reset still, and stay open until then. */
  readonly resets: Uint8Array

  /**
   * By side: the descriptor, or −1; PortIs; and the bytes that came in large pieces, one after the
   * other.
   */
  readonly fd: Int32Array
  readonly port: Uint16Array
  readonly streak: Int32Array
  /** By direction: FlowIs, and how much its pipe holds. */
  readonly flow: Uint8Array
  readonly piped: Int32Array

  /**
   * While it is read from before it is decided about, and until it has ended if it is not admitted.
   */
  readonly readings = new Map<number, Arrival>()
  readonly readUntilMs: Float64Array
  readonly acceptedMs: Float64Array
  readonly dialedMs: Float64Array
  readonly activeMs: Float64Array
  /** Infinity, except while the upstream's answer to a request for TLS is awaited. */
  readonly agreeUntilMs: Float64Array
  readonly connectTimeoutMs: Int32Array
  readonly idleTimeoutMs: Int32Array
  readonly maxDurationMs: Int32Array
  /** Of the upstream's socket, as in a decision (../decide/decision.ts). */
  readonly keepaliveTimeS: Int32Array
  readonly keepaliveIntervalS: Int32Array
  readonly keepaliveProbes: Int32Array
  readonly userTimeoutMs: Int32Array
  /** A word of the shared counts. */
  readonly clusterSlot: Int32Array
  /** Of the PROXY header that the upstream gets; 0: none. */
  readonly proxyVersion: Uint8Array
  /** 1: the upstream is asked for TLS in PostgreSQL's words first (starttls.ts). */
  readonly starttls: Uint8Array

  /** One above the highest slot that has been in use. */
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
    this.clusterSlot = new Int32Array(count)
    this.proxyVersion = new Uint8Array(count)
    this.starttls = new Uint8Array(count)
    this.#free = new Int32Array(count)
  }

  /**
   * A slot for a new connection, or −1 where all are in use; the last one that was freed comes
   * first.
   */
  take(): number {
    if (this.#freeCount === 0 && this.used === this.count) return -1
    this.open++
    return this.#freeCount > 0 ? this.#free[--this.#freeCount] : this.used++
  }

  /** Moves `slot` on to a state that may follow on its own. */
  enter(slot: number, state: State): void {
    this.state[slot] = move(this.state[slot] as State, state)
  }

  /** Gives `slot` back; its sockets are closed. */
  free(slot: number): void {
    assert(this.inFlight[slot] === 0, 'a slot is freed with operations in the kernel', slot)
    assert(this.fd[2 * slot] < 0 && this.fd[2 * slot + 1] < 0, 'a slot is freed with open sockets', slot)
    this.generation[slot]++
    this.port[2 * slot] = this.port[2 * slot + 1] = 0
    this.flow[2 * slot] = this.flow[2 * slot + 1] = 0
    this.streak[2 * slot] = this.streak[2 * slot + 1] = 0
    this.resets[slot] = 0
    this.#free[this.#freeCount++] = slot
    this.open--
  }
}
