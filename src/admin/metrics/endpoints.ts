/**
 * Metrics of endpoints: whether each is in rotation, back-offs, ejections; and dials by result.
 *
 * A metric has at most VALUES_MAX endpoints, those out of rotation first.
 */

import { clockOriginMs, monotonicMs } from '../../base/clock.ts'
import { endpointRows, placeText, stateOf } from '../../control/health/endpoint-states.ts'
import type { Serving } from '../../control/publisher.ts'
import { leftMs } from '../../stats/backoffs.ts'
import { Outlier } from '../../stats/outliers.ts'
import { Counter, type CounterName, openStats, sumCounter } from '../../stats/stats.ts'
import { counter, type Family, gauge, type Value } from './family.ts'

/** Labels of a scrape, however many endpoints there are. */
const VALUES_MAX = 1000

const RESULTS = {
  connected: 'dialsConnected',
  refused: 'dialsRefused',
  timeout: 'dialsTimedOut',
  failed: 'dialsUnreached',
} as const satisfies Record<string, CounterName>

export const endpointFamilies = (serving: () => Serving): Family[] => [
  gauge(
    'weir_endpoint_up',
    '1 if the endpoint is in rotation and answers, for each destination; else 0.',
    () => upValues(serving()),
  ),
  gauge(
    'weir_endpoint_backoff_seconds',
    'Endpoints whose last connect failed: time left of the back-off; 0: tried next.',
    () => backoffValues(serving()),
  ),
  counter('weir_endpoint_ejections_total', 'Ejections of an endpoint by outlierDetection.', () =>
    outlierValues(serving(), Outlier.ejections),
  ),
  counter(
    'weir_endpoint_ejections_prevented_total',
    'Ejections of an endpoint that maxEjectionPercent has prevented.',
    () => outlierValues(serving(), Outlier.prevented),
  ),
  counter('weir_endpoint_checks_total', 'Health checks of an endpoint, by result.', () =>
    checkValues(serving()),
  ),
  counter('weir_dials_by_result_total', 'Dials to endpoints that came to an end, by result.', () => {
    const stats = openStats(serving().plane.stats)
    return Object.entries(RESULTS).map(([result, name]) => ({
      labels: { result },
      value: sumCounter(stats, Counter[name]),
    }))
  }),
]

function checkValues({ plane }: Serving): Value[] {
  const values: Value[] = []
  for (const [endpoint, { passed, failed }] of plane.health.checks()) {
    if (values.length >= 2 * VALUES_MAX) break
    values.push({ labels: { endpoint, result: 'ok' }, value: passed })
    values.push({ labels: { endpoint, result: 'failed' }, value: failed })
  }
  return values
}

/** An address is up where no destination says otherwise. */
function upValues({ table, plane }: Serving): Value[] {
  const stats = openStats(plane.stats)
  const nowMs = monotonicMs() + clockOriginMs
  const isUp = new Map<number, { at: number; up: boolean }>()
  for (const row of endpointRows(table)) {
    if (row.slot === 0) continue
    const up = stateOf(stats, table, row, nowMs) === 'up'
    const known = isUp.get(row.slot)
    if (known) known.up &&= up
    else isUp.set(row.slot, { at: row.at, up })
  }
  return [...isUp.values()]
    .sort((a, b) => Number(a.up) - Number(b.up))
    .slice(0, VALUES_MAX)
    .map(({ at, up }) => ({ labels: { endpoint: placeText(table.endpoints, at) }, value: up ? 1 : 0 }))
}

function backoffValues({ table, plane }: Serving): Value[] {
  const { backoffs } = openStats(plane.stats)
  const nowMs = monotonicMs() + clockOriginMs
  const values = new Map<number, Value>()
  for (const { at, slot } of endpointRows(table)) {
    if (values.size === VALUES_MAX) break
    if (backoffs[slot] === 0 || values.has(slot)) continue
    const labels = { endpoint: placeText(table.endpoints, at) }
    values.set(slot, { labels, value: leftMs(backoffs[slot], nowMs) / 1000 })
  }
  return [...values.values()]
}

/** Over all destinations of an address; only of those that have any. */
function outlierValues({ table, plane }: Serving, field: number): Value[] {
  const { words } = openStats(plane.stats).outliers
  const members = new Set<number>()
  const sums = new Map<number, { at: number; value: number }>()
  for (const { at, slot, memberSlot } of endpointRows(table)) {
    const value = memberSlot === 0 ? 0 : words[memberSlot * Outlier.WORDS + field]
    if (value === 0 || members.has(memberSlot)) continue
    members.add(memberSlot)
    const known = sums.get(slot)
    if (known) known.value += value
    else if (sums.size < VALUES_MAX) sums.set(slot, { at, value })
  }
  return [...sums.values()].map(({ at, value }) => ({
    labels: { endpoint: placeText(table.endpoints, at) },
    value,
  }))
}
