/**
 * The data of the page at /, which polls it every second.
 *
 * It combines /summary, /workers and /routes (as many rules as one page holds), with dial latencies
 * as growing counts. The page takes differences between two answers, so each page has its own
 * history and the gateway keeps none.
 */

import type { FastifyInstance } from 'fastify'
import { inTurns } from '../../base/turns.ts'
import type { Gateway } from '../../control/gateway.ts'
import { RuleCounts } from '../../control/observe/rule-counts.ts'
import type { Rules } from '../../control/observe/rules.ts'
import type { Serving } from '../../control/publisher.ts'
import { BUCKETS, bucketFloor, type Summed } from '../../stats/histogram.ts'
import type { RulesOfTable } from '../rules-of-table.ts'
import { answers, boolean, integer, list, object, query, whole } from '../schemas.ts'
import { servingOf } from '../serving.ts'
import { ruleFields, shownRule } from './routes.ts'
import { readSummary, readWorkers, summary, worker } from './state.ts'

const RULES_MOST = 100

type Asked = { readonly limit: number }

export function addOverview(
  app: FastifyInstance,
  gateway: Gateway,
  version: string,
  rules: RulesOfTable,
  hasFleet: boolean,
): void {
  const latency = object({
    from: integer('Lower end of the bucket, microseconds.'),
    to: integer('Upper end.'),
    count: integer('Dials since the start.'),
  })
  const schema = {
    tags: ['state'],
    summary: 'The data of the page at /, in one answer.',
    querystring: query({
      limit: { ...whole(1, RULES_MOST, 'The maximum number of rules, most hits first.'), default: 50 },
    }),
    response: answers(
      object({
        summary,
        workers: list(worker),
        connect: list(latency, 'From dialing an endpoint to its answer; without empty buckets.'),
        fleet: boolean('Whether /fleet has others.'),
        rulesTotal: integer(),
        rules: list(
          object({ index: integer('Its position in the order of evaluation.'), ...ruleFields }),
          'In that order.',
        ),
      }),
    ),
  }
  app.get<{ Querystring: Asked }>('/overview', { schema }, async ({ query: { limit } }) => {
    const serving = servingOf(gateway)
    const all = await rules.of(serving)
    const shown = await inTurns(mostHit(serving, all, limit))
    return {
      summary: readSummary(gateway, version),
      workers: readWorkers(gateway),
      connect: filled(serving.plane.observer.histogram('connect')),
      fleet: hasFleet,
      rulesTotal: all.entries.length,
      rules: shown,
    }
  })
}

/** The `limit` rules with the most hits, in the order of evaluation. */
function* mostHit({ plane, baselines }: Serving, all: Rules, limit: number) {
  const counted = plane.observer.counted()
  yield
  const counts = new RuleCounts(counted, all, baselines)
  yield
  const hits = all.entries.map((entry, index) => ({ entry, index, hits: counts.hits(entry) }))
  yield
  const most = hits.sort((a, b) => b.hits - a.hits || a.index - b.index).slice(0, limit)
  const rules = []
  for (const { entry, index } of most.sort((a, b) => a.index - b.index)) {
    rules.push({ index, ...shownRule(entry, counts, baselines) })
    yield
  }
  return rules
}

const filled = ({ buckets }: Summed): { from: number; to: number; count: number }[] =>
  Array.from({ length: BUCKETS }, (_, bucket) => ({
    from: bucketFloor(bucket),
    to: bucketFloor(bucket + 1) - 1,
    count: buckets[bucket],
  })).filter(each => each.count > 0)
