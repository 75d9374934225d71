/**
 * Metrics by what connections were matched to: Istio's for each pair of client and destination,
 * weir's own for each rule and its destinations, and for each endpoint.
 *
 * All come from the same counts (stats/series.ts), read and summed once per scrape.
 */

import type { RuleEntry } from '../../control/observe/rules.ts'
import type { SeriesName } from '../../stats/generations.ts'
import type { Total } from '../../stats/series-totals.ts'
import { type Destination, destinationKey } from '../../table/plan/destination.ts'
import { Cap } from './cap.ts'
import { counter, type Family, gauge, type Labels, type Value } from './family.ts'
import { OTHER_TCP, tcpLabels } from './istio.ts'

/**
 * Series of each kind with labels of their own: an amount that Prometheus takes well, with several
 * metrics each.
 */
const SERIES_MAX = 2_000
/** Counts added up before it checks the clock again. */
const STEP = 64

/** What the main thread passes at a scrape. */
type SeriesSource = {
  readonly totals: () => readonly Total<SeriesName>[]
  /** The labels that all workloads behind a destination share. */
  readonly labelsOf: (destination: Destination) => Readonly<Record<string, string>>
  readonly namesGivenUp: () => number
}

type Counted = Total<SeriesName>
/**
 * `begun` counts a connection at each endpoint that weir tried, `opened` at the one that answered.
 */
type Sums = Record<
  'begun' | 'opened' | 'closed' | 'open' | 'failed' | 'silent' | 'given' | 'received' | 'sent',
  number
>
type Series = { readonly labels: Labels; readonly sums: Sums }

/** A way to group the counts. */
type Grouping<Part extends keyof SeriesName = keyof SeriesName> = {
  readonly keyOf: (name: Pick<SeriesName, Part>) => string
  readonly labelsOf: (name: SeriesName) => Labels
  readonly other: Labels
  readonly cap: Cap
  /** Caches keys: a name is the same object for as long as it is counted. */
  readonly keys: WeakMap<SeriesName, string>
  /** The counted names of the last scrape, in order. */
  last: { readonly keys: readonly string[]; readonly labels: readonly Labels[] }
}

type Refresh = (rules: readonly RuleEntry[]) => Generator<void, void>

export function seriesFamilies(source: SeriesSource): { refresh: Refresh; families: readonly Family[] } {
  const groupings = { tcp: byPair(source), rule: BY_RULE(), endpoint: BY_ENDPOINT(), given: BY_RULE() }
  let sums: Record<keyof typeof groupings, readonly Series[]> = { tcp: [], rule: [], endpoint: [], given: [] }
  let shares: readonly Value[] = []
  const sharesOf = configuredShares()
  function* refresh(rules: readonly RuleEntry[]): Generator<void, void> {
    const totals = source.totals()
    yield
    const tcp = yield* summed(totals, groupings.tcp)
    const rule = yield* summed(totals, groupings.rule)
    const endpoint = yield* summed(totals, groupings.endpoint)
    const given = yield* summed(totals, groupings.given, true)
    shares = yield* sharesOf(rules, groupings.rule)
    sums = { tcp, rule, endpoint, given }
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
        'Configured share of a destination, for rules that were hit.',
        () => shares,
      ),
      gauge(
        'weir_rule_connections_open',
        'Open connections by rule and destination.',
        values('rule', 'open'),
      ),
      counter(
        'weir_rule_redistributed_total',
        'Connections picked for a destination that was down, and given to others of the rule.',
        values('given', 'given'),
      ),
      counter('weir_endpoint_connections_total', 'Dials to an endpoint.', values('endpoint', 'begun')),
      counter(
        'weir_endpoint_dial_failures_total',
        'Dials to an endpoint that failed.',
        values('endpoint', 'failed'),
      ),
      counter(
        'weir_connections_silent_total',
        'Connections that ended without a byte from the endpoint that they were connected to.',
        values('endpoint', 'silent'),
      ),
      gauge('weir_endpoint_connections_open', 'Open connections to an endpoint.', values('endpoint', 'open')),
      gauge(
        'weir_metrics_series_merged',
        'Names counted in the series "other", because the table of series is full.',
        () => Object.entries(groupings).map(([kind, { cap }]) => ({ labels: { kind }, value: cap.merged })),
      ),
      counter(
        'weir_metrics_names_given_up_total',
        'Idle names whose counts were moved to the series "other".',
        () => [{ value: source.namesGivenUp() }],
      ),
    ],
  }
}

/** Makes keys once for each rule of a table, which may have many more rules than get labels. */
function configuredShares() {
  let of: readonly RuleEntry[] = []
  let keyed: { readonly key: string; readonly share: number }[] = []
  return function* (rules: readonly RuleEntry[], { keyOf, cap }: Grouping<'rule' | 'destination'>) {
    if (of !== rules) {
      const made: typeof keyed = []
      for (const { origin, destinations } of rules) {
        for (const { host, subset, port, share } of destinations)
          made.push({ key: keyOf({ rule: origin, destination: { host, subset, port } }), share })
        yield
      }
      keyed = made
      of = rules
    }
    return keyed.flatMap(({ key, share }) => {
      const labels = cap.own(key)
      return labels ? [{ labels, value: share }] : []
    })
  }
}

const byPair = ({ labelsOf }: SeriesSource): Grouping => ({
  keyOf: ({ source, destination }) => JSON.stringify([destinationKey(destination), source]),
  labelsOf: ({ source, destination }) =>
    tcpLabels(source, destination, destination ? labelsOf(destination) : {}),
  other: OTHER_TCP,
  cap: new Cap(SERIES_MAX),
  keys: new WeakMap(),
  last: { keys: [], labels: [] },
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

/** The key is empty if no rule took the connection. */
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
  last: { keys: [], labels: [] },
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
  last: { keys: [], labels: [] },
})

function* summed(totals: readonly Counted[], grouping: Grouping, isGiven = false): Generator<void, Series[]> {
  const counted = totals.filter(
    ({ name, opened }) => (name.instead !== null) === isGiven && (name.key !== 'other' || opened > 0),
  )
  const find = yield* labelsFor(counted, grouping)
  const byLabels = new Map<Labels, Sums>()
  for (let index = 0; index < counted.length; index++) {
    const total = counted[index]
    const labels = find[index]
    let sums = byLabels.get(labels)
    if (sums === undefined) {
      sums = nothing()
      byLabels.set(labels, sums)
    }
    sums.begun += total.opened
    sums.opened += total.opened - total.moved
    sums.closed += total.closed
    sums.open += total.opened - total.moved - total.closed
    sums.failed += total.failed
    sums.silent += total.silent
    sums.given += total.given
    sums.received += total.received
    sums.sent += total.sent
    if (index % STEP === 0) yield
  }
  for (const [labels, sums] of byLabels) sums.opened = neverBack(labels, sums.opened)
  return [...byLabels].map(([labels, sums]) => ({ labels, sums }))
}

/** The labels of each; recomputed only if the counted names differ from the last scrape. */
function* labelsFor(counted: readonly Counted[], grouping: Grouping): Generator<void, readonly Labels[]> {
  const { keyOf, labelsOf, other, cap, keys: made, last } = grouping
  const keys: string[] = []
  let isSame = counted.length === last.keys.length
  for (let index = 0; index < counted.length; index++) {
    const { name } = counted[index]
    let key = made.get(name)
    if (key === undefined) {
      key = name.key === 'other' ? 'other' : keyOf(name)
      made.set(name, key)
    }
    isSame &&= key === last.keys[index]
    keys.push(key)
    if (index % STEP === 0) yield
  }
  if (isSame) return last.labels
  const names = new Map<string, SeriesName>()
  for (let index = 0; index < counted.length; index++)
    if (keys[index] !== 'other') names.set(keys[index], counted[index].name)
  yield
  const find = yield* cap.labels(names, key => labelsOf(names.get(key) as SeriesName), other)
  grouping.last = { keys, labels: keys.map(find) }
  return grouping.last.labels
}

const nothing = (): Sums => ({
  begun: 0,
  opened: 0,
  closed: 0,
  open: 0,
  failed: 0,
  silent: 0,
  given: 0,
  received: 0,
  sent: 0,
})

const highest = new WeakMap<Labels, number>()

/**
 * While a connection moves on, both endpoints count it for a moment; a counter must not show that.
 */
function neverBack(labels: Labels, value: number): number {
  const shown = Math.max(value, highest.get(labels) ?? 0)
  highest.set(labels, shown)
  return shown
}
