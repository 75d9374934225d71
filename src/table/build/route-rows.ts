/** The rows of routes: their weighted destinations, and the turns of exact and sticky splits. */

import { assert } from '../../base/assert.ts'
import type { Cold } from '../format/cold.ts'
import { packHalves } from '../format/layout.ts'
import * as L from '../format/routing-layout.ts'
import { aliasColumns } from '../match/pick.ts'
import { STICKY_SLOTS, stickyBuckets } from '../match/sticky.ts'
import type { Route } from '../plan/plan.ts'
import { clusterIdentity, type SlotOf } from './endpoint-rows.ts'
import { exactSchedule, pairedOf } from './exact.ts'
import type { Rows } from './rows.ts'

/** The sections that a route has rows in. */
type RouteSections = { readonly routes: Rows; readonly splits: Rows; readonly turns: Rows }

/** The column of a single destination, whatever its weight. */
const [ALONE] = aliasColumns([1])

const NO_TURNS = new Uint16Array(0)

export function addRoute(
  { routes, splits, turns: halves }: RouteSections,
  route: Route,
  clusters: Cold['clusters'],
  slotOf: SlotOf,
): void {
  const { identity, destinations } = route
  const firstSplit = splits.count
  const count = destinations.length
  assert(count < 2 ** 16, `${count} destinations in one route`)
  if (count === 1) {
    const { cluster, weight } = destinations[0]
    splits.add(cluster, weight, ALONE.threshold, ALONE.alias)
    routes.add(firstSplit, count, L.Split.random, 0, halves.count * 2, 0, 0, 0)
    return
  }
  const weights = destinations.map(each => each.weight)
  const { split } = route
  const paired = split === 'exact' ? pairedOf(weights) : null
  const columns = aliasColumns(weights)
  for (const [index, { cluster, weight }] of destinations.entries()) {
    const threshold = paired?.weights[index] ?? columns[index].threshold
    splits.add(cluster, weight, threshold, columns[index].alias)
  }
  const slot = slotFor(split, identity, slotOf)
  const redistributes = route.onDead === 'redistribute'
  const sharedSlot = redistributes && split === 'exact' ? slotOf(`route ${identity} redistributed`) : 0
  const onDead = [redistributes ? 1 : 0, sharedSlot]
  if (paired) {
    routes.add(firstSplit, count, L.Split.exactPaired, slot, paired.share, paired.period, ...onDead)
    return
  }
  const turns = turnsOf(split, destinations, clusters)
  routes.add(firstSplit, count, L.Split[split], slot, halves.count * 2, turns.length, ...onDead)
  for (let turn = 0; turn < turns.length; turn += 2) halves.add(packHalves(turns[turn], turns[turn + 1] ?? 0))
}

/** Of the tickets of an exact split, or of the clients of a sticky one. */
function slotFor(split: Route['split'], identity: string, slotOf: SlotOf): number {
  if (split === 'random') return 0
  if (split === 'exact') return slotOf(`route ${identity}`)
  const slot = slotOf(`sticky ${identity}`)
  return slot < STICKY_SLOTS ? slot : 0
}

/**
 * The schedule of an exact or sticky split, as indexes into `destinations`; by name, so clusters
 * come first.
 */
function turnsOf(
  split: Route['split'],
  destinations: Route['destinations'],
  clusters: Cold['clusters'],
): Uint16Array {
  if (split === 'exact') return exactSchedule(destinations.map(each => each.weight))
  if (split === 'random') return NO_TURNS
  return stickyBuckets(
    destinations.map(({ cluster, weight }) => ({ name: clusterIdentity(clusters[cluster]), weight })),
  )
}
