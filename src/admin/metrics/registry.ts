/**
 * All metrics of the process, in one prom-client registry.
 *
 * Node's own are prom-client's, with three exceptions. It counts open files by listing them, of which a gateway has
 * hundreds of thousands: that would hold up this thread. Its figures of the event loop's delay are those since the last
 * scrape, so that two scrapers would take them from each other. And what libuv holds is this thread's alone.
 */

import { statSync } from 'node:fs'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Gateway, Serving } from '../../control/gateway.ts'
import { readCold, type Table } from '../../table/table.ts'
import type { Refusals } from '../refusals.ts'
import type { RulesOfTable } from '../rules-of-table.ts'
import { servingOf } from '../serving.ts'
import { counter, gauge, register, single, type Value } from './family.ts'
import { processFamilies } from './process.ts'
import { seriesFamilies } from './series.ts'

const NOT_PROM_CLIENTS = /^(process_open_fds|nodejs_eventloop_lag_\w+_seconds|nodejs_active_\w+)$/
/** How often prom-client looks at the event loop, for figures that are left out. */
const LOOP_LOOK_MS = 10_000

export type Metrics = {
  readonly contentType: string
  text(): Promise<string>
  readonly names: readonly string[]
}

export function createMetrics(
  gateway: Gateway,
  version: string,
  rules: RulesOfTable,
  refusals: Refusals,
): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_LOOK_MS })
  for (const { name } of registry.getMetricsAsArray())
    if (NOT_PROM_CLIENTS.test(name)) registry.removeSingleMetric(name)
  register(registry, gauge('process_open_fds', 'Number of open file descriptors.', openFiles))
  const serving = (): Serving => servingOf(gateway)
  const labelsOf = destinationLabels(serving)
  const series = seriesFamilies({
    totals: () => serving().plane.observer.totals(),
    namesGivenUp: () => serving().plane.observer.namesGivenUp,
    labelsOf,
    rules: () => rules.of(serving().table),
  })
  const families = [...processFamilies(gateway, serving, version), ...series.families, refused(refusals)]
  for (const family of families) register(registry, family)
  return {
    contentType: registry.contentType,
    names: registry.getMetricsAsArray().map(each => each.name),
    async text() {
      serving()
      series.refresh()
      return await registry.metrics()
    },
  }
}

const refused = ({ counts }: Refusals) =>
  counter('weir_admin_refusals_total', 'What the admin listener refused, by reason.', () =>
    [...counts].map(([reason, value]) => ({ labels: { reason }, value })),
  )

/** Since Linux 6.2 the folder's size is their number (proc(5)); nothing is said where that is not so. */
function openFiles(): readonly Value[] {
  const size = statSync('/proc/self/fd', { throwIfNoEntry: false })?.size ?? 0
  return size === 0 ? [] : single(size)
}

type Pairs = Readonly<Record<string, string>>

/** What the workloads behind a destination have in common, by the table that is served. */
function destinationLabels(serving: () => Serving) {
  let table: Table | null = null
  let known = new Map<string, Pairs>()
  const keyOf = (each: { host: string; subset: string | null; port: number }) =>
    `${each.host} ${each.subset ?? ''} ${each.port}`
  return (destination: { host: string; subset: string | null; port: number }): Pairs => {
    const now = serving().table
    if (table !== now) {
      table = now
      known = new Map(readCold(now).clusters.map(each => [keyOf(each), each.labels]))
    }
    return known.get(keyOf(destination)) ?? {}
  }
}
