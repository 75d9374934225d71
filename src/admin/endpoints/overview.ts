/**
 * All that moves, in one answer: what the page at / asks for every second.
 *
 * It is what /summary, /workers and /routes say, of as many rules as one look takes in, and how long dials took as
 * counts that only grow: of two answers the difference is what came between them, so every page has its own history
 * and the gateway keeps none.
 */

import type { FastifyInstance } from 'fastify'
import type { Gateway } from '../../control/gateway.ts'
import { RuleCounts } from '../../control/rules.ts'
import { BUCKETS, bucketFloor, type Summed } from '../../stats/histogram.ts'
import type { RulesOfTable } from '../rules-of-table.ts'
import { answers, integer, list, object, query, whole } from '../schemas.ts'
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
): void {
  const latency = object({
    from: integer('Microseconds, the least of the bucket.'),
    to: integer('The most.'),
    count: integer('Dials, ever.'),
  })
  const schema = {
    tags: ['state'],
    summary: 'What the page at / shows: all that moves, in one answer.',
    querystring: query({ limit: { ...whole(1, RULES_MOST, 'Rules at most, the most hit.'), default: 50 } }),
    response: answers(
      object({
        summary,
        workers: list(worker),
        connect: list(
          latency,
          'From dialing an endpoint to its answer; buckets that are empty are left out.',
        ),
        rulesTotal: integer(),
        rules: list(
          object({ index: integer('Its place in the order in which rules are tried.'), ...ruleFields }),
          'In that order.',
        ),
      }),
    ),
  }
  app.get<{ Querystring: Asked }>('/overview', { schema }, async ({ query: { limit } }) => {
    const { table, plane, baselines } = servingOf(gateway)
    const counts = new RuleCounts(plane.observer.totals(), baselines)
    const entries = rules.of(table).map((entry, index) => ({ entry, index }))
    return {
      summary: readSummary(gateway, version),
      workers: readWorkers(gateway),
      connect: filled(plane.observer.histogram('connect')),
      rulesTotal: entries.length,
      rules: mostHit(entries, limit, ({ entry }) => counts.hits(entry)).map(({ entry, index }) => ({
        index,
        ...shownRule(entry, counts, baselines),
      })),
    }
  })
}

/** The `limit` that were hit most, in the order that they had. */
function mostHit<Item>(items: readonly Item[], limit: number, hits: (item: Item) => number): readonly Item[] {
  if (items.length <= limit) return items
  const counted = items.map((item, index) => ({ item, index, hits: hits(item) }))
  const most = counted.toSorted((a, b) => b.hits - a.hits).slice(0, limit)
  return most.sort((a, b) => a.index - b.index).map(each => each.item)
}

const filled = ({ buckets }: Summed): { from: number; to: number; count: number }[] =>
  Array.from({ length: BUCKETS }, (_, bucket) => ({
    from: bucketFloor(bucket),
    to: bucketFloor(bucket + 1) - 1,
    count: buckets[bucket],
  })).filter(each => each.count > 0)
