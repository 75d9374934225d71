/**
 * Metrics by what connections were matched to: Istio's for each pair of client and destination, weir's own for each
 * rule and its destinations, and for each endpoint.
 *
 * All come from the same counts (stats/series.ts), which are read and summed once for a scrape.
 */

import type { RuleEntry } from '../../control/rules.ts'
import type { Destination, SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import { Cap } from './cap.ts'
import { counter, type Family, gauge, type Labels, type Value } from './family.ts'
import { OTHER_TCP, tcpLabels } from './istio.ts'

/** Series of each kind that get labels of their own; what Prometheus takes well, several metrics each. */
export const SERIES_MAX = 2_000

/** What the primary thread knows of the counts at a scrape. */
export type SeriesSource = {
  readonly totals: () => readonly Total<SeriesName>[]
  /** What the workloads behind a destination have in common. */
  readonly labelsOf: (destination: Destination) => Readonly<Record<string, string>>
  readonly namesGivenUp: () => number
  readonly rules: () => readonly RuleEntry[]
}

type Counted = Total<SeriesName>
/** `begun` counts a connection at each endpoint that it was tried with, `opened` where it came to. */
type Sums = Record<'begun' | 'opened' | 'closed' | 'open' | 'failed' | 'received' | 'sent', number>
type Series = { readonly labels: Labels; readonly sums: Sums }

/** A way to group the counts. */
type Grouping<Part extends keyof SeriesName = keyof SeriesName> = {
  readonly keyOf: (name: Pick<SeriesName, Part>) => string
  readonly labelsOf: (name: SeriesName) => Labels
  readonly other: Labels
  readonly cap: Cap
  /** Keys that were made before: a name is the same object for as long as it is counted. */
  readonly keys: WeakMap<SeriesName, string>
}

export function seriesFamilies(source: SeriesSource): { refresh: () => void; families: readonly Family[] } {
  const groupings = { tcp: byPair(source), rule: BY_RULE(), endpoint: BY_ENDPOINT() }
  let sums: Record<keyof typeof groupings, readonly Series[]> = { tcp: [], rule: [], endpoint: [] }
  const refresh = () => {
    const totals = source.totals()
    sums = {
      tcp: summed(totals, groupings.tcp),
      rule: summed(totals, groupings.rule),
      endpoint: summed(totals, groupings.endpoint),
    }
  }
  const values = (grouping: keyof typeof groupings, field: keyof Sums) => (): Value[] =>
    sums[grouping].map(({ labels, sums: { [field]: value } }) => ({ labels, value }))
  return {
    refresh,
    families: [
      counter('istio_tcp_connections_opened_total', 'Connections opened.', values('tcp', 'opened')),
      counter('istio_tcp_connections_closed_total', 'Connections closed.', values('tcp', 'closed')),
      counter('istio_tcp_sent_bytes_total', 'Bytes sent to clients.', values('tcp', 'sent')),
      counter('istio_tcp_received_bytes_total', 'Bytes received from clients.', values('tcp', 'received')),
      counter(
        'weir_rule_connections_total',
        'Connections by rule and destination.',
        values('rule', 'opened'),
      ),
      gauge(
        'weir_rule_configured_share',
        'What of a rule’s connections a destination should get by its weight, of rules that were hit.',
        () => configuredShares(source.rules(), groupings.rule),
      ),
      gauge(
        'weir_rule_connections_open',
        'Open connections by rule and destination.',
        values('rule', 'open'),
      ),
      counter(
        'weir_endpoint_connections_total',
        'Connections that were begun to an endpoint.',
        values('endpoint', 'begun'),
      ),
      counter(
        'weir_endpoint_dial_failures_total',
        'Connections that were begun to an endpoint and failed.',
        values('endpoint', 'failed'),
      ),
      gauge(
        'weir_endpoint_connections_open',
        'Connections to an endpoint that are open.',
        values('endpoint', 'open'),
      ),
      gauge(
        'weir_metrics_series_merged',
        'Names that share the series called "other", for want of room.',
        () => Object.entries(groupings).map(([kind, { cap }]) => ({ labels: { kind }, value: cap.merged })),
      ),
      counter(
        'weir_metrics_names_given_up_total',
        'Names that were not used for long and whose counts went into "other".',
        () => [{ value: source.namesGivenUp() }],
      ),
    ],
  }
}

function configuredShares(
  rules: readonly RuleEntry[],
  { keyOf, cap }: Grouping<'rule' | 'destination'>,
): Value[] {
  return rules.flatMap(({ origin, destinations }) =>
    destinations.flatMap(({ host, subset, port, share }) => {
      const labels = cap.own(keyOf({ rule: origin, destination: { host, subset, port } }))
      return labels ? [{ labels, value: share }] : []
    }),
  )
}

const destinationKey = (destination: Destination | null): string =>
  destination === null ? '' : `${destination.host} ${destination.subset ?? ''} ${destination.port}`

const byPair = ({ labelsOf }: SeriesSource): Grouping => ({
  keyOf: ({ source, destination }) => JSON.stringify([destinationKey(destination), source]),
  labelsOf: ({ source, destination }) =>
    tcpLabels(source, destination, destination ? labelsOf(destination) : {}),
  other: OTHER_TCP,
  cap: new Cap(SERIES_MAX),
  keys: new WeakMap(),
})

const OTHER_DESTINATION: Labels = {
  destination_service: 'other',
  destination_subset: 'other',
  destination_port: 'other',
}

const destinationLabels = (destination: Destination | null): Labels => ({
  destination_service: destination?.host ?? 'unknown',
  destination_subset: destination?.subset ?? '',
  destination_port: String(destination?.port ?? ''),
})

/** A connection that no rule took has an empty one. */
const BY_RULE = (): Grouping<'rule' | 'destination'> => ({
  keyOf: ({ rule, destination }) =>
    `${rule && [rule.virtualService, rule.block, rule.route, rule.match]} ${destinationKey(destination)}`,
  labelsOf: ({ rule, destination }) => ({
    virtual_service: rule?.virtualService ?? '',
    rule: rule ? `${rule.block}[${rule.route}]${rule.match === null ? '' : `.match[${rule.match}]`}` : '',
    ...destinationLabels(destination),
  }),
  other: { virtual_service: 'other', rule: 'other', ...OTHER_DESTINATION },
  cap: new Cap(SERIES_MAX),
  keys: new WeakMap(),
})

const BY_ENDPOINT = (): Grouping => ({
  keyOf: ({ endpoint, destination }) => `${endpoint} ${destinationKey(destination)}`,
  labelsOf: ({ endpoint, destination }) => ({
    endpoint: endpoint ?? 'original',
    ...destinationLabels(destination),
  }),
  other: { endpoint: 'other', ...OTHER_DESTINATION },
  cap: new Cap(SERIES_MAX),
  keys: new WeakMap(),
})

function summed(totals: readonly Counted[], { keyOf, labelsOf, other, cap, keys: made }: Grouping): Series[] {
  const names = new Map<string, SeriesName>()
  const counted = totals.filter(({ name, opened }) => name.key !== 'other' || opened > 0)
  const keys = counted.map(({ name }) => {
    const key = made.get(name) ?? (name.key === 'other' ? 'other' : keyOf(name))
    made.set(name, key)
    if (key !== 'other') names.set(key, name)
    return key
  })
  const find = cap.labels(new Set(names.keys()), key => labelsOf(names.get(key) as SeriesName), other)
  const byLabels = new Map<Labels, Sums>()
  for (const [index, total] of counted.entries()) {
    const labels = find(keys[index])
    const sums = byLabels.get(labels) ?? nothing()
    byLabels.set(labels, sums)
    sums.begun += total.opened
    sums.opened += total.opened - total.moved
    sums.closed += total.closed
    sums.open += total.opened - total.moved - total.closed
    sums.failed += total.failed
    sums.received += total.received
    sums.sent += total.sent
  }
  for (const [labels, sums] of byLabels) sums.opened = neverBack(labels, sums.opened)
  return [...byLabels].map(([labels, sums]) => ({ labels, sums }))
}

const nothing = (): Sums => ({ begun: 0, opened: 0, closed: 0, open: 0, failed: 0, received: 0, sent: 0 })

const highest = new WeakMap<Labels, number>()

/** A connection that just moves on is for a moment counted at both endpoints: a counter must not show that. */
function neverBack(labels: Labels, value: number): number {
  const shown = Math.max(value, highest.get(labels) ?? 0)
  highest.set(labels, shown)
  return shown
}
