/**
 * What weir thinks of each endpoint of each destination, and why, in words: for the admin listener,
 * the commands and the page. It only reads what the workers write (src/stats).
 */

import { type Family, formatAddress, formatEndpoint } from '../../address/address.ts'
import { inRotationForMs, warmthOf } from '../../engine/decide/warmup.ts'
import { leftMs } from '../../stats/backoffs.ts'
import { timeQuantile } from '../../stats/connect-times.ts'
import { lastErrorOf, Mark } from '../../stats/endpoint-marks.ts'
import { ejectedUntilMs, mayEject, Outlier } from '../../stats/outliers.ts'
import { connectTimesOf, type Stats, sumOpen } from '../../stats/stats.ts'
import type { GroupState } from '../../table/explain/group-text.ts'
import type { Cold } from '../../table/format/cold.ts'
import { memberSlotAt, runOf, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../table/format/endpoints-layout.ts'
import { Cluster } from '../../table/format/routing-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { failureName } from '../../tls/details.ts'
import type { CheckState } from './checker.ts'
import { EndpointGroups } from './endpoint-groups.ts'

/** In the order in which they hide each other. */
export const ENDPOINT_STATES = ['draining', 'down', 'ejected', 'failing', 'up'] as const
export type EndpointState = (typeof ENDPOINT_STATES)[number]

export type EndpointRow = {
  /** Row of the destination. */
  readonly cluster: number
  /** Word at which its row of the table begins. */
  readonly at: number
  readonly slot: number
  readonly memberSlot: number
}

/** The endpoints of destinations, by default of all, in the order of the table. */
export function* endpointRows(
  table: Table,
  from = 0,
  end = table.clusters.length / Cluster.WORDS,
): Generator<EndpointRow> {
  const { endpoints } = table
  for (let cluster = from; cluster < end; cluster++) {
    const run = runOf(table, cluster)
    const first = endpoints[run + EndpointRun.first]
    for (let row = first; row < first + endpoints[run + EndpointRun.count]; row++) {
      const at = row * Endpoint.WORDS
      yield { cluster, at, slot: slotAt(endpoints, at), memberSlot: memberSlotAt(endpoints, at) }
    }
  }
}

/** The endpoints of destinations with outlier detection. */
export function* ejecting(table: Table): Generator<EndpointRow> {
  const { clusters, endpoints } = table
  const isOne = (cluster: number): boolean =>
    clusters[cluster * Cluster.WORDS + Cluster.ejectIntervalMs] > 0 &&
    endpoints[runOf(table, cluster) + EndpointRun.count] > 0
  for (let cluster = 0; cluster < clusters.length / Cluster.WORDS; cluster++)
    if (isOne(cluster)) yield* endpointRows(table, cluster, cluster + 1)
}

export function placeText(endpoints: Uint32Array, at: number): string {
  const address = formatAddress(endpoints[at + Endpoint.family] as Family, endpoints, at + Endpoint.address)
  return formatEndpoint(address, endpoints[at + Endpoint.port])
}

/** The state of an endpoint within its destination. */
export function stateOf(stats: Stats, table: Table, row: EndpointRow, nowMs: number): EndpointState {
  const mark = stats.marks[row.slot]
  if ((mark & Mark.draining) !== 0) return 'draining'
  if ((mark & Mark.down) !== 0) return 'down'
  if ((mark & Mark.doubted) !== 0 && !isEjectedNow(stats, row, nowMs)) return 'failing'
  if (row.memberSlot === 0) return stats.backoffs[row.slot] === 0 ? 'up' : failingState(table, row)
  if (nowMs < ejectedUntilMs(stats.outliers, row.memberSlot)) return 'ejected'
  return failuresOf(stats, row.memberSlot) > 0 ? 'failing' : 'up'
}

const isEjectedNow = ({ outliers }: Stats, { memberSlot }: EndpointRow, nowMs: number): boolean =>
  memberSlot !== 0 && nowMs < ejectedUntilMs(outliers, memberSlot)

/** The back-off of an address holds only where the destination remembers failures. */
const failingState = ({ clusters }: Table, { cluster }: EndpointRow): EndpointState =>
  clusters[cluster * Cluster.WORDS + Cluster.remembersFailures] === 1 ? 'failing' : 'up'

function failuresOf({ outliers }: Stats, memberSlot: number): number {
  const at = memberSlot * Outlier.WORDS
  return Math.max(outliers.words[at + Outlier.failures], outliers.words[at + Outlier.gatewayFailures])
}

export type ShownEndpoint = ReturnType<typeof describeEndpoint>

/** Everything about these endpoints at one moment. */
export function* describeEndpoints(
  stats: Stats,
  { table, cold }: { readonly table: Table; readonly cold: Cold },
  rows: readonly EndpointRow[],
  nowMs: number,
  checkOf: (place: string) => CheckState | null,
): Generator<ShownEndpoint> {
  const groups = new EndpointGroups(stats, table, cold, nowMs)
  for (const row of rows) {
    const check = checkOf(placeText(table.endpoints, row.at))
    yield describeEndpoint(stats, table, cold, row, nowMs, check, groups.of(row))
  }
}

/** Everything about an endpoint, for people. */
function describeEndpoint(
  stats: Stats,
  table: Table,
  cold: Cold,
  row: EndpointRow,
  nowMs: number,
  check: CheckState | null,
  group: GroupState | null,
) {
  const { cluster, at, slot, memberSlot } = row
  const { host, subset, port } = cold.clusters[cluster]
  const state = stateOf(stats, table, row, nowMs)
  const times = connectTimesOf(stats, slot)
  const error = lastErrorOf(stats.lastErrors[slot], nowMs)
  const outlier = memberSlot * Outlier.WORDS
  const untilMs = memberSlot === 0 ? 0 : ejectedUntilMs(stats.outliers, memberSlot)
  return {
    endpoint: placeText(table.endpoints, at),
    destination: { host, subset, port },
    state,
    why: state === 'down' ? downText(check) : whyOf(stats, table, row, state, nowMs, group, check),
    priority: group?.priority ?? null,
    locality: group?.locality ?? null,
    groupShare: group?.share ?? null,
    checkedBy: check?.kind ?? null,
    lastCheck: check === null || check.passed + check.failed === 0 ? null : (check.verdict ?? 'ok'),
    ejectedForS: state === 'ejected' ? (untilMs - nowMs) / 1000 : null,
    ejections: memberSlot === 0 ? 0 : stats.outliers.words[outlier + Outlier.ejections],
    ejectionsPrevented: memberSlot === 0 ? 0 : stats.outliers.words[outlier + Outlier.prevented],
    open: slot === 0 ? 0 : sumOpen(stats, slot),
    lastError: error && { error: error.errno === 0 ? 'timeout' : failureName(error.errno), agoS: error.agoS },
    connectMs: { p50: milliseconds(timeQuantile(times, 0.5)), p99: milliseconds(timeQuantile(times, 0.99)) },
  }
}

const milliseconds = (us: number | null): number | null => (us === null ? null : us / 1000)

/** Why it does not get its whole share, and what would change that; null: it does. */
function whyOf(
  stats: Stats,
  table: Table,
  row: EndpointRow,
  state: EndpointState,
  nowMs: number,
  group: GroupState | null,
  check: CheckState | null,
): string | null {
  switch (state) {
    case 'draining':
      return 'an operator drains it, until it is enabled or weir restarts'
    case 'ejected': {
      const left = secondsText(ejectedUntilMs(stats.outliers, row.memberSlot) - nowMs)
      const count = stats.outliers.words[row.memberSlot * Outlier.WORDS + Outlier.ejections]
      return `outlierDetection has ejected it, for the ${ordinal(count)} time; it is back in ${left}`
    }
    case 'failing':
      if ((stats.marks[row.slot] & Mark.doubted) !== 0) return doubtText(check)
      return row.memberSlot === 0 ? backoffText(stats, row.slot, nowMs) : failuresText(stats, table, row)
    default: {
      const texts = [group?.why ?? null, warmupText(stats, table, row, nowMs)]
      return texts.filter(each => each !== null).join('; ') || null
    }
  }
}

/** "warming up: 43 % of its weight, all of it in 17.0 s", or null. */
function warmupText(stats: Stats, table: Table, { cluster, at }: EndpointRow, nowMs: number): string | null {
  const windowMs = table.clusters[cluster * Cluster.WORDS + Cluster.warmupMs]
  const leftMs = windowMs - inRotationForMs(stats, table.endpoints, at, nowMs)
  if (windowMs === 0 || leftMs <= 0) return null
  const percent = 100 * warmthOf(stats, table, cluster, at / Endpoint.WORDS, nowMs)
  return `warming up: ${percent.toFixed(0)} % of its weight, all of it in ${secondsText(leftMs)}`
}

const downText = (check: CheckState | null): string =>
  `its health checks fail${check?.verdict ? `: ${check.verdict}` : ''}`

const doubtText = (check: CheckState | null): string =>
  `its last health check failed${check?.verdict ? `: ${check.verdict}` : ''}; connections go to others, if there are any`

function backoffText({ backoffs }: Stats, slot: number, nowMs: number): string {
  const left = leftMs(backoffs[slot], nowMs)
  const next = left === 0 ? 'the next connection tries it' : `tried again in ${secondsText(left)}`
  return `its last connect failed; ${next}, or when no other endpoint is left`
}

/** "2 failed connects in a row of 5", and why they will not eject it. */
function failuresText(stats: Stats, table: Table, { cluster, memberSlot }: EndpointRow): string {
  const row = cluster * Cluster.WORDS
  const { clusters, endpoints } = table
  const thresholds = [clusters[row + Cluster.ejectFailures], clusters[row + Cluster.ejectGatewayFailures]]
  const threshold = Math.min(...thresholds.filter(each => each > 0))
  const failures = failuresOf(stats, memberSlot)
  const text = `${failures} failed ${failures === 1 ? 'connect' : 'connects'} in a row of ${threshold}`
  const count = endpoints[runOf(table, cluster) + EndpointRun.count]
  const percent = clusters[row + Cluster.ejectMaxPercent]
  if (mayEject(0, count, percent)) return text
  return `${text}; it is never ejected: maxEjectionPercent ${percent} of ${count} endpoints is none`
}

const secondsText = (ms: number): string => `${Math.max(0.1, ms / 1000).toFixed(1)} s`

function ordinal(count: number): string {
  const ending = ['th', 'st', 'nd', 'rd'][count % 10] ?? 'th'
  return `${count}${count % 100 >= 11 && count % 100 <= 13 ? 'th' : ending}`
}
