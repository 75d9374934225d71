/**
 * All metrics of the process: Node's own by prom-client, and weir's.
 *
 * Node's metrics are prom-client's, with three exceptions. It counts open files by listing them,
 * which would block this thread for hundreds of thousands of files. Its event-loop delay covers the
 * time since the last scrape, so two scrapers would disturb each other. And its libuv handles are
 * only those of this thread.
 */

import { statSync } from 'node:fs'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { sharedFor } from '../../base/shared-for.ts'
import { inTurns } from '../../base/turns.ts'
import type { Gateway } from '../../control/gateway.ts'
import type { Serving } from '../../control/publisher.ts'
import type { Table } from '../../table/format/table.ts'
import { type Destination, destinationKey } from '../../table/plan/destination.ts'
import type { Refusals } from '../refusals.ts'
import type { RulesOfTable } from '../rules-of-table.ts'
import { servingOf } from '../serving.ts'
import { counter, gauge, single, textOf, type Value } from './family.ts'
import { kubernetesFamilies } from './kubernetes.ts'
import { processFamilies } from './process.ts'
import { seriesFamilies } from './series.ts'

const NOT_PROM_CLIENTS = /^(process_open_fds|nodejs_eventloop_lag_\w+_seconds|nodejs_active_\w+)$/
/** How often prom-client samples the event loop, for figures that weir omits. */
const LOOP_LOOK_MS = 10_000

/** Scrapers that come within this time get the same text. */
const METRICS_MS = 1_000

export type Metrics = {
  readonly contentType: string
  /** At most one rendering in `METRICS_MS`. */
  text(): Promise<Buffer>
}

export function createMetrics(
  gateway: Gateway,
  version: string,
  rules: RulesOfTable,
  refusals: Refusals,
  sharedMs = METRICS_MS,
): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_LOOK_MS })
  for (const { name } of registry.getMetricsAsArray())
    if (NOT_PROM_CLIENTS.test(name)) registry.removeSingleMetric(name)
  const serving = (): Serving => servingOf(gateway)
  const labelsOf = destinationLabels(serving)
  const series = seriesFamilies({
    totals: () => serving().plane.observer.totals(),
    namesGivenUp: () => serving().plane.observer.namesGivenUp,
    labelsOf,
  })
  const early = [
    gauge('process_open_fds', 'Number of open file descriptors.', openFiles),
    gauge('weir_ready', '1 if the gateway is ready, as /ready says, else 0.', () =>
      single(gateway.readiness().ready ? 1 : 0),
    ),
    ...kubernetesFamilies(gateway),
    refused(refusals),
  ]
  const families = [...early, ...processFamilies(gateway, serving, version), ...series.families]
  return {
    contentType: registry.contentType,
    text: sharedFor(sharedMs, async () => {
      // A start that waits for a cluster has no table yet.
      if (gateway.serving) await inTurns(series.refresh((await rules.of(serving())).entries))
      const ours = await inTurns(textOf(gateway.serving ? families : early))
      return Buffer.concat([Buffer.from(await registry.metrics()), ours])
    }),
  }
}

const refused = ({ counts }: Refusals) =>
  counter('weir_admin_refusals_total', 'Admin requests refused, by reason.', () =>
    [...counts].map(([reason, value]) => ({ labels: { reason }, value })),
  )

/** Since Linux 6.2 the folder's size is their number (proc(5)); elsewhere the metric is absent. */
function openFiles(): readonly Value[] {
  const size = statSync('/proc/self/fd', { throwIfNoEntry: false })?.size ?? 0
  return size === 0 ? [] : single(size)
}

type Pairs = Readonly<Record<string, string>>

/** The labels that all workloads behind a destination share, by the served table. */
function destinationLabels(serving: () => Serving) {
  let table: Table | null = null
  let known = new Map<string, Pairs>()
  return (destination: Destination): Pairs => {
    const { table: now, plane, generation } = serving()
    if (table !== now) {
      table = now
      const { clusters = [] } = plane.observer.generations.cold(generation) ?? {}
      known = new Map(clusters.map(each => [destinationKey(each), each.labels]))
    }
    return known.get(destinationKey(destination)) ?? {}
  }
}
