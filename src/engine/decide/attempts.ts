/**
 * The dialing policy, the same for every engine: which endpoints were tried, what is allowed, how
 * failures are remembered and counted. An engine makes the connects and reports their results.
 *
 *   begin ─▶ dialed ─┬─▶ connected ─┬─▶ settled: after a while
 *              ▲     └─▶ failed     └─▶ lost: reset before a byte has gone either way
 *              │            └───────┬───────┘
 *              └── another endpoint ┴─ or the reason, where no attempts or no time is left
 *   ended: however it ended, once
 *
 * A connection can be retried on another endpoint because none of its bytes were sent. Each attempt
 * has the destination's connect timeout, and all together have its deadline. Both, and the number
 * of attempts, are in the table of the decision, so a reload changes them for new connections.
 *
 * Rows are those of the engine's journal. A connection that connects at once allocates no object.
 */

import { giveBack, noteFailure, noteSuccess } from '../../stats/backoffs.ts'
import { noteLastError } from '../../stats/endpoint-marks.ts'
import { noteConnected } from '../../stats/outliers.ts'
import { Reason } from '../../stats/reasons.ts'
import { Counter, countConnectTime } from '../../stats/stats.ts'
import { Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { countOpen } from './balance.ts'
import { type Decider, decideEndpoint } from './decide.ts'
import { ADMITTED, type Decision, ORIGINAL, takePolicy } from './decision.ts'
import { ejectFor } from './eject.ts'
import { dialFailure, isShortage } from './failures.ts'

/** Dial another endpoint, which is in the decision. */
export const ANOTHER = -1

/** weir's own timeout; also the code of a cancelled connect. */
export const TIMED_OUT = 'ECANCELED'

/**
 * A timeout counts as the endpoint's failure once the first SYN was sent again (RFC 6298: after a
 * second), or if the destination's own timeout is shorter. Near the deadline an attempt may have
 * had less time.
 */
const TELLING_MS = 1_000

/** The journal's part about dials (../worker/journal.ts). */
type DialNotes = {
  readonly connected: (row: number, tookMs: number, nowMs: number) => void
  /** `errno` is 0 for weir's own timeout. */
  readonly dialFailed: (row: number, errno: number) => void
  /** It goes on to another endpoint, which is already in the decision. */
  readonly redirected: (row: number, decision: Decision) => void
}

/** The counter of each reason for which a dial fails; of all others, `dialsUnreached`. */
const RESULT: Readonly<Partial<Record<number, number>>> = {
  [Reason['connect-refused']]: Counter.dialsRefused,
  [Reason['connect-timeout']]: Counter.dialsTimedOut,
}

/** The state of a connection whose dial has failed once. */
type Further = { readonly tried: number[]; allowedMs: number }

export class Attempts {
  readonly #decider: Decider
  readonly #journal: DialNotes
  readonly #counters: Float64Array
  /** By row, until it has settled: the table that decided. */
  readonly #tables: (Table | null)[] = []
  readonly #cluster: Int32Array
  readonly #endpoint: Int32Array
  readonly #endpointSlot: Int32Array
  readonly #memberSlot: Int32Array
  readonly #clientHash: Uint32Array
  readonly #isProbe: Uint8Array
  readonly #beganMs: Float64Array
  readonly #further = new Map<number, Further>()

  constructor(decider: Decider, journal: DialNotes, rows: number) {
    this.#decider = decider
    this.#journal = journal
    this.#counters = decider.stats.counters[decider.worker]
    this.#cluster = new Int32Array(rows)
    this.#endpoint = new Int32Array(rows)
    this.#endpointSlot = new Int32Array(rows)
    this.#memberSlot = new Int32Array(rows)
    this.#clientHash = new Uint32Array(rows)
    this.#isProbe = new Uint8Array(rows)
    this.#beganMs = new Float64Array(rows)
  }

  /** Begins attempts for `decision`, which was made with `table`. */
  begin(row: number, table: Table, decision: Decision, nowMs: number): void {
    this.#tables[row] = table
    this.#cluster[row] = decision.cluster
    this.#clientHash[row] = decision.clientHash
    this.#beganMs[row] = nowMs
    this.#goTo(row, decision)
  }

  /** A connect has begun. */
  dialed(): void {
    this.#counters[Counter.dials]++
  }

  /** The upstream has accepted, whatever follows. */
  connected(row: number, tookMs: number, nowMs: number): void {
    const { stats, worker } = this.#decider
    this.#counters[Counter.dialsConnected]++
    this.#journal.connected(row, tookMs, nowMs)
    countConnectTime(stats, worker, this.#endpointSlot[row], tookMs * 1000)
    if (this.#memberSlot[row] !== 0) noteConnected(stats.outliers, this.#memberSlot[row])
    else if (this.#remembers(row)) noteSuccess(stats.backoffs, this.#endpointSlot[row])
    this.#isProbe[row] = 0
  }

  /** Whether it may still be `lost`. */
  isYoung(row: number): boolean {
    return this.#tables[row] !== null
  }

  /** It has been connected for a while: whatever becomes of it, it is not dialed anew. */
  settled(row: number): void {
    this.#letGo(row)
  }

  /**
   * Its upstream has reset before a byte was sent to it or came from it, as does a server that dies
   * with connections in its queue. For outlierDetection the connect has succeeded, as for Envoy.
   *
   * @param decision  Gets the next endpoint, if there is one to dial.
   * @returns ANOTHER, or the `Reason` for which the connection ends.
   */
  lost(row: number, errno: number, decision: Decision, nowMs: number): number {
    const { stats } = this.#decider
    const slot = this.#endpointSlot[row]
    noteLastError(stats.lastErrors, slot, errno, this.#decider.nowMs())
    if (this.#remembers(row)) noteFailure(stats.backoffs, slot, this.#decider.nowMs(), false)
    return this.#next(row, decision, nowMs) ? ANOTHER : Reason['upstream-reset']
  }

  /**
   * A connect has failed; TIMED_OUT means weir's own timeout.
   *
   * @param decision  Gets the next endpoint, if there is one to dial.
   * @returns ANOTHER, or the `Reason` for which the connection ends.
   */
  failed(
    row: number,
    { code, errno }: { code: string; errno: number },
    decision: Decision,
    nowMs: number,
  ): number {
    this.#counters[Counter.dialFailures]++
    this.#counters[RESULT[dialFailure(code)] ?? Counter.dialsUnreached]++
    this.#journal.dialFailed(row, code === TIMED_OUT ? 0 : errno)
    if (isShortage(code)) return dialFailure(code)
    this.#remember(row, code, errno)
    return this.#next(row, decision, nowMs) ? ANOTHER : dialFailure(code)
  }

  /** The connection has ended, however it ended. */
  ended(row: number): void {
    countOpen(this.#decider, this.#endpointSlot[row], -1)
    this.#giveBack(row)
    this.#letGo(row)
  }

  #goTo(row: number, { endpoint, endpointSlot, memberSlot, isProbe }: Decision): void {
    this.#endpoint[row] = endpoint
    this.#endpointSlot[row] = endpointSlot
    this.#memberSlot[row] = memberSlot
    this.#isProbe[row] = isProbe ? 1 : 0
    countOpen(this.#decider, endpointSlot, 1)
  }

  #letGo(row: number): void {
    this.#tables[row] = null
    if (this.#further.size > 0) this.#further.delete(row)
  }

  #policy(row: number, field: number): number {
    return this.#tables[row]?.clusters[this.#cluster[row] * Cluster.WORDS + field] ?? 0
  }

  #remembers(row: number): boolean {
    return this.#endpoint[row] !== ORIGINAL && this.#policy(row, Cluster.remembersFailures) === 1
  }

  #remember(row: number, code: string, errno: number): void {
    const { stats, nowMs } = this.#decider
    if (code === TIMED_OUT && !this.#hadTime(row)) return
    noteLastError(stats.lastErrors, this.#endpointSlot[row], code === TIMED_OUT ? 0 : errno, nowMs())
    const table = this.#tables[row]
    if (table && this.#memberSlot[row] !== 0)
      ejectFor(this.#decider, table, this.#cluster[row], this.#endpointSlot[row], this.#memberSlot[row])
    if (!this.#remembers(row)) return
    noteFailure(stats.backoffs, this.#endpointSlot[row], nowMs(), this.#isProbe[row] === 1)
    this.#isProbe[row] = 0
  }

  #hadTime(row: number): boolean {
    const further = this.#further.get(row)
    if (further === undefined) return true
    return further.allowedMs >= Math.min(this.#policy(row, Cluster.connectTimeoutMs), TELLING_MS)
  }

  #giveBack(row: number): void {
    if (this.#isProbe[row] === 0) return
    this.#isProbe[row] = 0
    giveBack(this.#decider.stats.backoffs, this.#endpointSlot[row], this.#decider.nowMs())
  }

  /** Fills the decision with another endpoint of the same cluster. */
  #next(row: number, decision: Decision, nowMs: number): boolean {
    const table = this.#tables[row]
    if (!table || this.#endpoint[row] === ORIGINAL) return false
    const further = this.#further.get(row) ?? { tried: [], allowedMs: 0 }
    const { tried } = further
    this.#further.set(row, further)
    tried.push(this.#endpoint[row])
    const leftMs = this.#beganMs[row] + this.#policy(row, Cluster.connectDeadlineMs) - nowMs
    if (tried.length >= this.#policy(row, Cluster.connectAttempts) || leftMs <= 0) return false
    takePolicy(table, this.#cluster[row], decision)
    decision.clientHash = this.#clientHash[row]
    if (decideEndpoint(this.#decider, table, tried, decision) !== ADMITTED) return false
    further.allowedMs = Math.min(decision.connectTimeoutMs, Math.ceil(leftMs))
    decision.connectTimeoutMs = further.allowedMs
    countOpen(this.#decider, this.#endpointSlot[row], -1)
    this.#giveBack(row)
    this.#goTo(row, decision)
    this.#journal.redirected(row, decision)
    return true
  }
}
