/**
 * The shared counts: what changes while serving, in one SharedArrayBuffer that outlives every
 * table.
 *
 *   tickets by slot (i32), atomic: how many connections the exact split of a route has given out
 *   back-offs by slot (i32), atomic: whether an endpoint's last connect failed (backoffs.ts)
 *   matches of policies by slot (i32), atomic: how often a rule has denied or marked a connection
 *   marks by slot (i32), atomic: why an endpoint is not to be used (endpoint-marks.ts)
 *   last errors by slot (u32): of several writers the last one counts (endpoint-marks.ts)
 *   arrivals by slot (i32), by the main thread: since when an endpoint is in rotation (warmups.ts)
 *   outliers by slot (8 words): failures in a row, and ejections (outliers.ts)
 *   clients of sticky splits (4 KiB each), atomic: which have come (split-clients.ts)
 *   for each worker:  counters (f64)  │ closed by reason (f64) │ open by slot (i32) │ turn by slot (u32)
 *                     │ connect times by slot (40 u32, connect-times.ts)
 *
 * All workers write what stands before the rows. Every other word has one writer, the worker that
 * owns its row. So there are no locks: a reader sees counts that are at most a moment old. Slots
 * (counter-slots.ts) tie a word to an endpoint or cluster by identity. Slot 0 is shared by those
 * that have no slot of their own.
 */

import { assert } from '../base/assert.ts'
import { TIME_BUCKETS, timeBucketOf } from './connect-times.ts'
import { SLOTS_MAX, type SlotCounts } from './counter-slots.ts'
import { OUTLIER_WORDS, type Outliers, openOutliers, resetOutlier } from './outliers.ts'
import { REASON_NAMES, Reason } from './reasons.ts'
import { CLIENTS_WORDS, clearClients } from './split-clients.ts'

/** Each worker's counters, with their meaning; `open` is a gauge, the others only grow. */
export const COUNTERS = {
  accepted: 'Connections accepted.',
  open: 'Open connections.',
  handedOver: 'Connections handed to a less loaded worker, which counts them as accepted.',
  acceptPauses: 'Pauses of accepting, out of file descriptors or memory.',
  dials: 'Dials to endpoints.',
  dialFailures: 'Dials to endpoints that failed.',
  dialsConnected: 'Dials to endpoints that connected.',
  dialsRefused: 'Dials that an endpoint refused.',
  dialsTimedOut: 'Dials that had no answer in time.',
  dialsUnreached: 'Dials that failed otherwise: no route, a reset, or out of ports, files or memory.',
  clientBytes: 'Bytes received from clients.',
  upstreamBytes: 'Bytes received from upstreams.',
} as const

export type CounterName = keyof typeof COUNTERS
const COUNTER_NAMES = Object.keys(COUNTERS) as readonly CounterName[]

/** The place of each counter in a worker's `counters`. */
export const Counter = Object.fromEntries(COUNTER_NAMES.map((name, index) => [name, index])) as Readonly<
  Record<CounterName, number>
>

const CLOSED = COUNTER_NAMES.length
const COUNTERS_COUNT = CLOSED + REASON_NAMES.length
/** Rounded up to cache lines, so that two workers never write to the same one. */
const COUNTERS_BYTES = Math.ceil((COUNTERS_COUNT * 8) / 64) * 64
const OPEN = COUNTERS_BYTES / 4
const TURN = OPEN + SLOTS_MAX
const TIMES = TURN + SLOTS_MAX
const ROW_WORDS = TIMES + TIME_BUCKETS * SLOTS_MAX
/** What stands before the rows, in words by slot, in this order. */
const SHARED = ['tickets', 'backoffs', 'policyMatches', 'marks', 'lastErrors', 'arrivals'] as const
const OUTLIERS = SHARED.length * SLOTS_MAX
const CLIENTS = OUTLIERS + OUTLIER_WORDS
const SHARED_WORDS = CLIENTS + CLIENTS_WORDS

/** Views on the counts; every thread opens its own. */
export type Stats = {
  readonly workers: number
  /** All rows as words, for the gauges; `openAt` and `turnAt` compute positions. */
  readonly words: Int32Array
  /** By slot; see table/match/pick.ts. Only with Atomics. */
  readonly tickets: Int32Array
  /** By slot of an endpoint; see backoffs.ts. */
  readonly backoffs: Int32Array
  /** By slot of a policy's rule; these slots are counted apart. Only with Atomics. */
  readonly policyMatches: Int32Array
  /** By slot of an endpoint; see endpoint-marks.ts. */
  readonly marks: Int32Array
  /** By slot of an endpoint; see endpoint-marks.ts. */
  readonly lastErrors: Uint32Array
  /** By slot of an endpoint, or of a destination; see warmups.ts. */
  readonly arrivals: Int32Array
  /** By slot of an endpoint within a destination; see outliers.ts. */
  readonly outliers: Outliers
  /** By slot of a sticky split, which are counted apart; see split-clients.ts. */
  readonly clients: Int32Array
  /** For each worker its counters, then its connections closed by reason. */
  readonly counters: readonly Float64Array[]
}

export function createStats(workers: number): SharedArrayBuffer {
  assert(workers >= 1, 'counts for no worker')
  return new SharedArrayBuffer((SHARED_WORDS + workers * ROW_WORDS) * 4)
}

export function openStats(buffer: SharedArrayBuffer): Stats {
  const workers = (buffer.byteLength / 4 - SHARED_WORDS) / ROW_WORDS
  assert(Number.isInteger(workers) && workers >= 1, `${buffer.byteLength} bytes are no counts`)
  const counters = Array.from(
    { length: workers },
    (_, worker) => new Float64Array(buffer, (SHARED_WORDS + worker * ROW_WORDS) * 4, COUNTERS_COUNT),
  )
  const bySlot = (name: (typeof SHARED)[number]) =>
    new Int32Array(buffer, SHARED.indexOf(name) * SLOTS_MAX * 4, SLOTS_MAX)
  const { byteOffset, length } = bySlot('lastErrors')
  return {
    workers,
    words: new Int32Array(buffer),
    tickets: bySlot('tickets'),
    backoffs: bySlot('backoffs'),
    policyMatches: bySlot('policyMatches'),
    marks: bySlot('marks'),
    lastErrors: new Uint32Array(buffer, byteOffset, length),
    arrivals: bySlot('arrivals'),
    outliers: openOutliers(buffer, OUTLIERS * 4),
    clients: new Int32Array(buffer, CLIENTS * 4, CLIENTS_WORDS),
    counters,
  }
}

/** The position in `words` of worker `worker`'s open connections of a slot. */
export const openAt = (worker: number, slot: number): number =>
  SHARED_WORDS + worker * ROW_WORDS + OPEN + slot

/** The position in `words` of worker `worker`'s turn in a slot's round robin. */
export const turnAt = (worker: number, slot: number): number =>
  SHARED_WORDS + worker * ROW_WORDS + TURN + slot

/** Counts the time of a connect to an endpoint; not for slot 0, which many share. */
export function countConnectTime({ words }: Stats, worker: number, slot: number, us: number): void {
  if (slot !== 0) words[timesAt(worker, slot) + timeBucketOf(us)]++
}

/** The buckets (connect-times.ts) of an endpoint, over all workers. */
export function connectTimesOf({ words, workers }: Stats, slot: number): number[] {
  return Array.from({ length: TIME_BUCKETS }, (_, bucket) => {
    let sum = 0
    for (let worker = 0; worker < workers; worker++) sum += words[timesAt(worker, slot) + bucket] >>> 0
    return sum
  })
}

const timesAt = (worker: number, slot: number): number =>
  SHARED_WORDS + worker * ROW_WORDS + TIMES + slot * TIME_BUCKETS

/** The position in a worker's `counters` of the connections that ended for `reason`. */
export const closedAt = (reason: number): number => CLOSED + reason

/** Open connections of a slot over all workers. */
export function sumOpen(stats: Stats, slot: number): number {
  const { words } = stats
  let sum = 0
  for (let at = openAt(0, slot); at < words.length; at += ROW_WORDS) sum += words[at]
  return sum
}

/** What counter-slots.ts needs of the counts. */
export const slotCounts = (stats: Stats): SlotCounts => ({
  inUse: slot => sumOpen(stats, slot) > 0,
  reset: slot => {
    Atomics.store(stats.tickets, slot, 0)
    Atomics.store(stats.backoffs, slot, 0)
    Atomics.store(stats.marks, slot, 0)
    stats.lastErrors[slot] = 0
    stats.arrivals[slot] = 0
    resetOutlier(stats.outliers, slot)
    for (let worker = 0; worker < stats.workers; worker++) {
      const times = timesAt(worker, slot)
      stats.words.fill(0, times, times + TIME_BUCKETS)
    }
  },
})

/** The same for the slots of policies, which count nothing open. */
export const policySlotCounts = ({ policyMatches }: Stats): SlotCounts => ({
  inUse: () => false,
  reset: slot => void Atomics.store(policyMatches, slot, 0),
})

/** The same for the slots of sticky splits. */
export const stickySlotCounts = ({ clients }: Stats): SlotCounts => ({
  inUse: () => false,
  reset: slot => clearClients(clients, slot),
})

/** A counter over all workers: `Counter.accepted`, or `closedAt(reason)`. */
export function sumCounter(stats: Stats, counter: number): number {
  let sum = 0
  for (const counters of stats.counters) sum += counters[counter]
  return sum
}

/** Everything over all workers, by name, for people and for the metrics. */
export function totals(stats: Stats): Record<CounterName, number> & { closed: Record<string, number> } {
  const counts = COUNTER_NAMES.map(name => [name, sumCounter(stats, Counter[name])])
  const closed = REASON_NAMES.map((name, reason) => [name, sumCounter(stats, closedAt(reason))])
  return { ...Object.fromEntries(counts), closed: Object.fromEntries(closed) }
}

/**
 * Prepares a dead worker's row for its successor: its connections are gone, its counters stay. The
 * caller acts as the row's only writer.
 */
export function clearWorker(stats: Stats, worker: number): void {
  const counters = stats.counters[worker]
  counters[closedAt(Reason['worker-lost'])] += counters[Counter.open]
  counters[Counter.open] = 0
  stats.words.fill(0, openAt(worker, 0), openAt(worker, SLOTS_MAX))
}
