/**
 * A match and the pick that follows it, as a worker makes them for each connection, beside the
 * match alone.
 */

import { createRandom } from '../../src/base/random.ts'
import { buildTable } from '../../src/table/build/builder.ts'
import { openTable, type Table } from '../../src/table/format/table.ts'
import { pickDestination } from '../../src/table/match/pick.ts'
import { createQuery } from '../../src/table/match/query.ts'
import type { Plan } from '../../src/table/plan/plan.ts'
import { ROUTES } from '../generate-plans.ts'
import { world } from '../generate-rules.ts'
import { type Traffic, traffic } from '../generate-traffic.ts'
import type { Bench } from '../harness.ts'
import { matchRoute } from '../lookup/rules.ts'
import { type Contender, mix } from '../rivals.ts'
import { createShared, ONE, type Way, WEIGHTED } from './ways.ts'

export function benchMatchAndPick(bench: Bench): void {
  for (const size of bench.parameter([10, 100], [10, 1000, 100_000])) {
    const made = world('realistic', size)
    const ways = [ONE, ...WEIGHTED]
    const table = openTable(buildTable(withWays(made.plan, ways), 1, () => 1))
    const asked = traffic(made, 'uniform', bench.parameter(500, 100_000))
    const contenders = ways.map((way, index) => matchAndPick(table, asked, way, index * ROUTES))
    const group = `match and pick, ${size} realistic rules, connections for any rule`
    bench.compare(group, asked.count, [matchAlone(table, asked), ...contenders])
  }
}

/**
 * The plan with each of its routes once for each way, in one table, so that all read the same
 * rules: the route of way w beside route r is r + w × ROUTES.
 */
function withWays(plan: Plan, ways: readonly Way[]): Plan {
  const most = Math.max(...ways.map(({ weights }) => weights.length))
  const clusters = Array.from({ length: most }, (_, index) => plan.clusters[index % plan.clusters.length])
  const routes = ways.flatMap(({ name, split, weights }) =>
    plan.routes.map(({ identity }) => ({
      identity: `${identity}, ${name}`,
      split,
      destinations: weights.map((weight, cluster) => ({ cluster, weight })),
    })),
  )
  return { ...plan, clusters, routes }
}

const matchAlone = (table: Table, asked: Traffic): Contender => ({
  name: 'match alone',
  answersOwn: true,
  run: count => {
    const query = createQuery()
    let checksum = 0
    for (let index = 0; index < count; index++)
      checksum = mix(checksum, matchRoute(table, query, asked, index))
    return checksum
  },
})

/** Each round uses the same seed and tickets, so its answers are the same. */
const matchAndPick = (table: Table, asked: Traffic, { name }: Way, firstRoute: number): Contender => {
  const shared = createShared()
  return {
    name: `and pick, ${name}`,
    answersOwn: true,
    run: count => {
      const query = createQuery()
      const random = createRandom(1, 2, 3)
      shared.tickets.fill(0)
      let checksum = 0
      for (let index = 0; index < count; index++) {
        const route = matchRoute(table, query, asked, index)
        const picked =
          route < 0 ? route : pickDestination(table, firstRoute + route, query.client, random, shared)
        checksum = mix(checksum, picked)
      }
      return checksum
    },
  }
}
