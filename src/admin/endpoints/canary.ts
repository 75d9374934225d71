/** How the destinations of each weighted rule do beside each other. */

import type { FastifyInstance } from 'fastify'
import { inTurns } from '../../base/turns.ts'
import type { Gateway } from '../../control/gateway.ts'
import { type Canary, canaryOf, RATES, type Rate, samplesOf } from '../../control/observe/canary.ts'
import { PARTS, TIMES } from '../../control/observe/compare-times.ts'
import { RuleCounts } from '../../control/observe/rule-counts.ts'
import type { Rules } from '../../control/observe/rules.ts'
import type { Serving } from '../../control/publisher.ts'
import { TIME_BUCKETS, timeBuckets } from '../../stats/connect-times.ts'
import { connectTimesOf, openStats, type Stats } from '../../stats/stats.ts'
import { runOf, slotAt } from '../../table/format/endpoints.ts'
import { Endpoint, EndpointRun } from '../../table/format/endpoints-layout.ts'
import type { Table } from '../../table/format/table.ts'
import { ruleName } from '../../table/plan/rule-name.ts'
import { listQuery, type PageQuery, pageAnswer, pageOf } from '../paging.ts'
import type { RulesOfTable } from '../rules-of-table.ts'
import {
  answers,
  integer,
  list,
  number,
  numberOrNull,
  object,
  oneOf,
  orNull,
  query,
  ruleOrigin,
  type Schema,
  text,
  textOrNull,
} from '../schemas.ts'
import { servingOf } from '../serving.ts'

const NAMES = Object.keys(RATES) as (keyof typeof RATES)[]

const quantiles = (description: string): Schema =>
  orNull(object({ p50: number(), p99: number(), count: integer() }), description)

const rate = orNull(
  object({
    count: integer(),
    of: integer('Dials, or ended connections.'),
    share: number(),
    low: number('The true rate is at least this, whenever and however often somebody looks.'),
    high: number('At most.'),
  }),
  'null: nothing to count yet.',
)

const rule = object({
  rule: ruleOrigin,
  sinceGeneration: integer('Counts start here.'),
  destinations: list(
    object({
      host: text(),
      subset: textOrNull(),
      port: integer(),
      configuredShare: number('By weight, 0 – 1.'),
      connections: integer('Without those that went on to another endpoint.'),
      ...Object.fromEntries(NAMES.map(name => [name, { ...rate, description: `How many ${RATES[name]}.` }])),
      connectMs: quantiles('Of the last that ended; null: none.'),
      connectTimes: list(
        object({ fromMs: number(), toMs: numberOrNull('null: any more.'), count: integer() }),
        'All connects to its endpoints since the start, also for other rules, by their time: `count` took at least `fromMs`, and less than `toMs`.',
      ),
      firstByteMs: quantiles('From connect to the server’s first byte, of the last that ended.'),
      lastedMs: quantiles('From accept to the end, of the last that ended.'),
      receivedBytes: integer('From clients.'),
      sentBytes: integer('To clients.'),
    }),
  ),
  comparisons: list(
    object({
      rate: oneOf(NAMES),
      arm: integer('The index of a destination.'),
      beside: integer('That of the destination with the greatest share.'),
      verdict: oneOf(
        ['worse', 'better', 'none-seen', 'none'],
        'Of the rate: sure, no difference seen yet, or none of two points or more.',
      ),
      needs: numberOrNull(
        'none-seen: so many more connections to both would show a difference of two points.',
      ),
    }),
  ),
  times: list(
    object({
      time: oneOf(Object.keys(TIMES)),
      part: oneOf(Object.keys(PARTS)),
      arm: integer('The index of a destination.'),
      beside: integer('That of the destination with the greatest share.'),
      verdict: oneOf(
        ['worse', 'better', 'none-seen', 'none'],
        'Surely slower, surely quicker, no difference seen yet, or none of a quarter or more.',
      ),
      atLeast: number('It takes at least so many times as long.'),
      atMost: numberOrNull('At most; null: not bounded yet.'),
      needs: numberOrNull(
        'none-seen: so many more connections to both would show a difference of a quarter; null: too many to foresee.',
      ),
    }),
    'Of the last that ended.',
  ),
})

type Asked = PageQuery & { readonly rule?: string; readonly single: boolean }

export function addCanary(app: FastifyInstance, gateway: Gateway, rules: RulesOfTable): void {
  const schema = {
    tags: ['routing'],
    summary: 'How the destinations of each weighted rule do beside each other.',
    querystring: query({
      rule: text('namespace/name of a VirtualService, or with a place in it: "default/echo tcp[2]".'),
      single: { type: 'boolean', default: false, description: 'Also rules that lead to one destination.' },
      ...listQuery,
    }),
    response: answers(object({ generation: integer(), ...pageAnswer, rules: list(rule) })),
  }
  app.get<{ Querystring: Asked }>('/canary', { schema }, async ({ query }) => {
    const serving = servingOf(gateway)
    return await inTurns(canaries(serving, await rules.of(serving), query))
  })
}

function* canaries({ generation, plane, baselines, table }: Serving, rules: Rules, asked: Asked) {
  const { observer } = plane
  const stats = openStats(plane.stats)
  const counted = observer.counted()
  yield
  const counts = new RuleCounts(counted, rules, baselines)
  const weighted = rules.entries.filter(
    ({ destinations, origin }) =>
      destinations.length > (asked.single ? 0 : 1) &&
      (asked.rule === undefined || asked.rule === origin.virtualService || asked.rule === ruleName(origin)),
  )
  const { items, ...page } = pageOf(weighted, generation, asked)
  const samples = yield* samplesOf(observer.ended, observer.generations)
  const shown = []
  for (const entry of items) {
    yield
    const { generation: since } = baselines.of(entry.origin.virtualService)
    const canary = canaryOf(entry, counts, since, samples)
    shown.push({ rule: entry.origin, sinceGeneration: since, ...shownCanary(canary, stats, table) })
  }
  return { generation, ...page, rules: shown }
}

const shownCanary = ({ arms, comparisons, times }: Canary, stats: Stats, table: Table) => ({
  destinations: arms.map(({ destination, connections, rates, sorted: _, ...rest }) => ({
    host: destination.host,
    subset: destination.subset,
    port: destination.port,
    configuredShare: destination.share,
    connections,
    connectTimes: timesTo(destination.cluster, stats, table),
    ...(rates satisfies Record<string, Rate | null>),
    ...rest,
  })),
  comparisons,
  times,
})

/** Endpoints of the same address and port have one slot. */
function timesTo(cluster: number, stats: Stats, table: Table) {
  const { endpoints } = table
  const run = runOf(table, cluster)
  const first = endpoints[run + EndpointRun.first]
  const rows = Array.from({ length: endpoints[run + EndpointRun.count] }, (_, index) => first + index)
  const slots = new Set(rows.map(row => slotAt(endpoints, row * Endpoint.WORDS)))
  const sums = new Array<number>(TIME_BUCKETS).fill(0)
  for (const slot of slots)
    for (const [bucket, count] of connectTimesOf(stats, slot).entries()) sums[bucket] += count
  return timeBuckets(sums).map(({ fromUs, toUs, count }) => ({
    fromMs: fromUs / 1e3,
    toMs: toUs === null ? null : toUs / 1e3,
    count,
  }))
}
