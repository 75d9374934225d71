/**
 * Metrics of the gateway as a whole: connections and bytes by worker, reasons, latencies,
 * configuration.
 */

import { configurationHash } from '../../config/configuration-hash.ts'
import type { Gateway } from '../../control/gateway.ts'
import { OUTCOMES } from '../../control/observe/history.ts'
import type { Serving } from '../../control/publisher.ts'
import { BUCKETS, bucketFloor, type HistogramName } from '../../stats/histogram.ts'
import { REASON_NAMES } from '../../stats/reasons.ts'
import { COUNTERS, Counter, type CounterName, closedAt, openStats, sumCounter } from '../../stats/stats.ts'
import { countEndpoints } from '../../table/format/endpoints.ts'
import { Cluster, Route, Rule } from '../../table/format/routing-layout.ts'
import { accessFamilies } from './access.ts'
import { certificateFamilies } from './certificates.ts'
import { endpointFamilies } from './endpoints.ts'
import { counter, type Family, gauge, single, type Value } from './family.ts'
import { nameFamilies } from './names.ts'

export const processFamilies = (gateway: Gateway, serving: () => Serving, version: string): Family[] => [
  gauge('weir_build_info', 'Version and engine; always 1.', () => [
    { value: 1, labels: { version, node: process.versions.node, engine: serving().plane.engine } },
  ]),
  ...connectionFamilies(serving),
  ...accessFamilies(serving),
  ...latencyFamilies(serving),
  ...endpointFamilies(serving),
  ...nameFamilies(gateway),
  ...certificateFamilies(gateway),
  ...reloadFamilies(gateway, serving),
  ...tableFamilies(serving),
]

/** Counters of stats/stats.ts by worker, with their metric names. */
const BY_WORKER: readonly (readonly [string, CounterName, 'counter' | 'gauge'])[] = [
  ['weir_connections_accepted_total', 'accepted', 'counter'],
  ['weir_connections_open', 'open', 'gauge'],
  ['weir_connections_handed_over_total', 'handedOver', 'counter'],
  ['weir_accept_pauses_total', 'acceptPauses', 'counter'],
  ['weir_dials_total', 'dials', 'counter'],
  ['weir_dial_failures_total', 'dialFailures', 'counter'],
  ['weir_client_received_bytes_total', 'clientBytes', 'counter'],
  ['weir_upstream_received_bytes_total', 'upstreamBytes', 'counter'],
]

const WORKER_STATES = ['starting', 'accepting', 'draining', 'ended'] as const

function connectionFamilies(serving: () => Serving): Family[] {
  const byWorker = BY_WORKER.map(
    ([name, field, type]): Family => ({
      name,
      type,
      help: COUNTERS[field],
      read: () =>
        openStats(serving().plane.stats).counters.map((row, worker) => ({
          labels: { worker },
          value: row[Counter[field]],
        })),
    }),
  )
  return [
    ...byWorker,
    gauge(
      'weir_connections_limit',
      'Connections that may be open at once, of all workers; more are reset as max-connections.',
      () => single(serving().plane.maxConnections),
    ),
    counter('weir_connections_closed_total', 'Connections ended, by reason.', () => {
      const stats = openStats(serving().plane.stats)
      return REASON_NAMES.map((reason, number) => ({
        labels: { reason },
        value: sumCounter(stats, closedAt(number)),
      }))
    }),
    gauge('weir_connections_by_state', 'Open connections, by state.', () =>
      Object.entries(serving().plane.observer.live.states()).map(([state, value]) => ({
        labels: { state },
        value,
      })),
    ),
    gauge('weir_workers', 'Workers, by state.', () => {
      const workers = serving().plane.status()
      return WORKER_STATES.map(state => ({
        labels: { state },
        value: workers.filter(each => each.state === state).length,
      }))
    }),
    gauge('weir_listen_failures', 'Listeners that a worker could not open.', () =>
      single(
        serving()
          .plane.status()
          .reduce((sum, each) => sum + each.failures.length, 0),
      ),
    ),
    counter('weir_access_log_lines_lost_total', 'Lines of the access log that could not be written.', () =>
      single(serving().plane.accessLogLost),
    ),
    counter('weir_records_dropped_total', 'Records dropped because the access log was full.', () =>
      single(serving().plane.observer.recordsDropped),
    ),
  ]
}

function latencyFamilies(serving: () => Serving): Family[] {
  const histogram = (name: HistogramName) => () => serving().plane.observer.histogram(name)
  return [
    {
      name: 'weir_connect_duration_seconds',
      type: 'histogram',
      help: 'Time from dialing an endpoint to its answer.',
      read: () => histogramValues(histogram('connect')(), 1e6, 16, 2 ** 25),
    },
    {
      name: 'weir_first_byte_seconds',
      type: 'histogram',
      help: 'Time from connecting to an endpoint to its first byte.',
      read: () => histogramValues(histogram('firstByte')(), 1e6, 128, 2 ** 31),
    },
    {
      name: 'weir_decide_duration_seconds',
      type: 'histogram',
      help: 'Time to choose the destination of a connection.',
      read: () => histogramValues(histogram('decide')(), 1e9, 128, 2 ** 23),
    },
  ]
}

/**
 * Converts the octaves between `from` and `to`, both powers of two, to Prometheus' cumulative
 * buckets in seconds.
 */
function histogramValues(
  { sum, count, buckets }: { sum: number; count: number; buckets: Float64Array },
  perSecond: number,
  from: number,
  to: number,
): Value[] {
  const values: Value[] = []
  let below = 0
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const floor = bucketFloor(bucket)
    if (floor >= from && floor <= to && Number.isInteger(Math.log2(floor)))
      values.push({ suffix: '_bucket', labels: { le: floor / perSecond }, value: below })
    below += buckets[bucket]
  }
  return [
    ...values,
    { suffix: '_bucket', labels: { le: '+Inf' }, value: count },
    { suffix: '_sum', value: sum / perSecond },
    { suffix: '_count', value: count },
  ]
}

function reloadFamilies(gateway: Gateway, serving: () => Serving): Family[] {
  const { history } = gateway
  const last = () => history.reloads[0]
  return [
    gauge('weir_generation', 'Generation of the served configuration, counted from 1.', () =>
      single(serving().generation),
    ),
    gauge(
      'weir_configuration_info',
      'Digest of the served configuration, equal on all replicas that read the same; always 1.',
      () => [{ value: 1, labels: { digest: configurationHash(serving().compiled.resources) } }],
    ),
    gauge('weir_endpoints_revision', 'Changes of endpoints since the generation was published.', () =>
      single(serving().table.endpointsRevision),
    ),
    gauge('weir_clients_revision', 'Changes of client identities since the generation was published.', () =>
      single(serving().table.clientsRevision),
    ),
    counter('weir_endpoint_changes_total', 'Changes of endpoints, published without a new generation.', () =>
      single(gateway.endpointChanges),
    ),
    counter('weir_config_reloads_total', 'Reloads by outcome, the first configuration included.', () =>
      OUTCOMES.map(outcome => ({ labels: { outcome }, value: history.counts[outcome] })),
    ),
    gauge('weir_config_last_reload_successful', '1 if weir serves the files as they are, else 0.', () =>
      single(history.isCurrent ? 1 : 0),
    ),
    gauge(
      'weir_config_last_reload_success_timestamp_seconds',
      'Unix time of the last successful reload.',
      () => single(history.lastTakenMs / 1000),
    ),
    gauge('weir_config_last_reload_duration_seconds', 'Duration of each stage of the last reload.', () =>
      Object.entries(last().stagesMs).map(([stage, ms]) => ({ labels: { stage }, value: ms / 1000 })),
    ),
    gauge(
      'weir_routes_unserved',
      'Rules with an undefined destination; connections to it are reset (unknown-destination).',
      () => single(serving().compiled.unserved),
    ),
    gauge(
      'weir_config_findings',
      'Findings of the served configuration, as in weir check, by severity.',
      () =>
        (['error', 'warning', 'info'] as const).map(severity => ({
          labels: { severity },
          value: serving().compiled.diagnostics.filter(each => each.severity === severity).length,
        })),
    ),
  ]
}

const tableFamilies = (serving: () => Serving): Family[] => [
  gauge('weir_table_bytes', 'Size of the table, by `part`.', () =>
    Object.entries(serving().table.buffers).map(([part, { byteLength }]) => ({
      labels: { part },
      value: byteLength,
    })),
  ),
  gauge('weir_table_rows', 'Rows of the table, by kind.', () => {
    const { table } = serving()
    return Object.entries({
      listeners: table.sockets.length,
      rules: table.rules.length / Rule.WORDS,
      routes: table.routes.length / Route.WORDS,
      clusters: table.clusters.length / Cluster.WORDS,
      endpoints: countEndpoints(table),
    }).map(([kind, value]) => ({ labels: { kind }, value }))
  }),
]
