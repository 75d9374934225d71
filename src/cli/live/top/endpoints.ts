/** Endpoints in `weir top`: all, or those of a rule's destinations. */

import { destinationName } from '../../../table/plan/destination.ts'
import type { Client } from '../client.ts'
import { type Endpoint, type Endpoints, millisecondsText } from '../endpoints.ts'
import { countText, durationText } from '../format.ts'
import { placeText } from '../routes.ts'
import type { Column, Counts, Page, Rates, Row } from './list.ts'
import type { Style } from './spans.ts'
import { type Level, orderOf, type RuleOf, showOf } from './state.ts'

/** Of one answer, and of each destination of a rule. */
const PAGE = 1_000
const OF_RULE = 200

const COLUMNS: readonly Column[] = [
  { title: 'ENDPOINT', drop: 0, order: 'endpoint' },
  { title: 'STATE', drop: 1, order: 'worst first' },
  { title: 'CONN/S', isRight: true, least: 7, drop: 3, order: 'conn/s' },
  { title: 'OPEN', isRight: true, least: 6, drop: 2, order: 'open' },
  { title: 'P50', isRight: true, least: 8, drop: 6 },
  { title: 'P99', isRight: true, least: 8, drop: 5, order: 'p99' },
  { title: 'LAST ERROR', cutTo: 12, drop: 7 },
  { title: 'DESTINATION', cutTo: 16, drop: 4 },
]

export async function lookAtEndpoints(client: Client, level: Level, rule: RuleOf | null): Promise<Page> {
  const state = showOf(level)
  const query = {
    order: 'worst',
    search: level.filter === '' ? undefined : level.filter,
    state: state === 'all' ? undefined : state,
  }
  if (rule === null) {
    const { endpoints, total } = await client.get<Endpoints>('/endpoints', { ...query, limit: PAGE })
    return endpointsPage(endpoints, total, level, rule)
  }
  const answers = await Promise.all(
    rule.destinations.map(async destination => {
      const asked = { ...query, destination, limit: OF_RULE }
      const { endpoints, total } = await client.get<Endpoints>('/endpoints', asked)
      // A destination without a subset also selects its subsets.
      const exact = endpoints.filter(each => destinationName(each.destination) === destination)
      return { exact, beyond: total - endpoints.length }
    }),
  )
  const found = answers.flatMap(({ exact }) => exact)
  const total = found.length + answers.reduce((sum, { beyond }) => sum + beyond, 0)
  return endpointsPage(found, total, level, rule)
}

export function endpointsPage(
  endpoints: readonly Endpoint[],
  total: number,
  level: Level,
  rule: RuleOf | null,
): Page {
  return {
    head: rule === null ? 'Endpoints' : `Endpoints of ${placeText(rule.origin)}`,
    total: endpoints.length,
    first: 0,
    more: total > endpoints.length ? `and ${countText(total - endpoints.length)} more endpoints` : '',
    empty: 'No endpoint is like that.',
    columns: COLUMNS,
    counts: new Map(endpoints.map(each => [keyOf(each), countsOf(each)])),
    rows: rates => sorted(endpoints, rates, level).map(each => rowOf(each, rates, rule)),
  }
}

const keyOf = ({ endpoint, destination }: Endpoint): string => `${endpoint} ${destinationName(destination)}`

const countsOf = ({ connections, receivedBytes, sentBytes }: Endpoint): Counts => ({
  connections,
  bytes: receivedBytes + sentBytes,
  since: 0,
})

function sorted(endpoints: readonly Endpoint[], rates: Rates, level: Level): Endpoint[] {
  const order = orderOf(level)
  const measure: Readonly<Record<string, (each: Endpoint) => number>> = {
    'conn/s': each => rates(keyOf(each))?.connections ?? 0,
    open: each => each.open,
    p99: each => each.connectMs.p99 ?? 0,
  }
  const by = measure[order]
  const list =
    by !== undefined
      ? endpoints.toSorted((a, b) => by(b) - by(a))
      : order === 'endpoint'
        ? endpoints.toSorted((a, b) => a.endpoint.localeCompare(b.endpoint, 'en', { numeric: true }))
        : [...endpoints]
  return level.isReversed ? list.reverse() : list
}

const STYLES: Readonly<Record<string, Style>> = {
  up: 'good',
  failing: 'doubtful',
  draining: 'doubtful',
  ejected: 'bad',
  down: 'bad',
}

function rowOf(each: Endpoint, rates: Rates, rule: RuleOf | null): Row {
  const { endpoint, state, open, connectMs, lastError, destination } = each
  const rate = rates(keyOf(each))
  return {
    key: keyOf(each),
    cells: [
      endpoint,
      [state, STYLES[state] ?? 'doubtful'],
      rate === null ? '–' : countText(rate.connections),
      countText(open),
      millisecondsText(connectMs.p50),
      millisecondsText(connectMs.p99),
      lastError === null ? '' : `${lastError.error} ${durationText(lastError.agoS * 1000)} ago`,
      destinationName(destination),
    ],
    enter: {
      kind: 'connections',
      rule: rule === null ? null : placeText(rule.origin),
      endpoint,
      isEnded: false,
    },
  }
}
