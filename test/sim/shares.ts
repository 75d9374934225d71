/**
 * What has to hold where a connection's share depends on what is up: told from the plan and the
 * spans of rotation, without tables, positions or tickets.
 *
 *   priorities   the far ones get nothing while enough of the near ones are in rotation
 *   turns        of as many connections in a row as the weights add up to, each has its weight
 */

import { formatEndpoint } from '../../src/address/address.ts'
import { clusterIdentity } from '../../src/table/build/endpoint-rows.ts'
import type { Cluster, Endpoint } from '../../src/table/plan/plan.ts'
import { OWN_ADDRESSES } from './plans.ts'

const textOf = ({ address, port }: Endpoint): string => formatEndpoint(address, port)

/** Endpoints of a priority beyond 1 / 1.4 of them are not missed (Envoy's overprovisioning). */
const ENOUGH_PERCENT = 140

/** '', or what is wrong with the first draw of a connection. */
export function wrongPriority(
  { endpoints, localities }: Cluster,
  usable: readonly Endpoint[],
  rotating: readonly Endpoint[],
  drawn: Endpoint,
): string {
  if (localities === undefined) return ''
  const isNear = ({ priority = 0 }: Endpoint): boolean => priority === 0
  const mayBeFar = endpoints.filter(each => textOf(each) === textOf(drawn)).some(each => !isNear(each))
  const mayBeNear = endpoints.filter(each => textOf(each) === textOf(drawn)).some(isNear)
  const [all, near] = [usable.filter(isNear).length, rotating.filter(isNear).length]
  if (all > 0 && ENOUGH_PERCENT * near >= 100 * all && !mayBeNear)
    return `${textOf(drawn)} is far, and ${near} of ${all} near ones are in rotation`
  if (near === 0 && rotating.length > 0 && !mayBeFar) return `${textOf(drawn)} is near, and none is`
  return ''
}

export class TurnsTaken {
  /** By destination: its endpoints with their weights, and who was drawn since it has these. */
  readonly #taken = new Map<string, { readonly of: string; readonly texts: string[] }>()

  /** The first draw of a connection: a later one takes no turn. '', or what is wrong with it. */
  drew(cluster: Cluster, drawn: Endpoint): string {
    const { endpoints } = cluster
    const name = clusterIdentity(cluster)
    const of = endpoints.map(each => `${textOf(each)} ${each.weight}`).join()
    const before = this.#taken.get(name)
    const texts = [...(before?.of === of ? before.texts : []), textOf(drawn)]
    this.#taken.set(name, { of, texts })
    const unit = endpoints.map(({ weight }) => weight).reduce(greatest)
    const cycle = endpoints.reduce((sum, { weight }) => sum + weight, 0) / unit
    const last = texts.slice(-cycle)
    if (last.length < cycle) return ''
    for (const [text, same] of Map.groupBy(endpoints, textOf)) {
      const got = last.filter(each => each === text).length
      const share = same.reduce((sum, { weight }) => sum + weight, 0) / unit
      if (got !== share) return `${text} has ${got} of ${cycle} turns, not ${share}`
    }
    return ''
  }

  /** Of a turn nobody knows who has taken it. */
  forget(): void {
    this.#taken.clear()
  }
}

/** Whether its endpoints take turns by their weights, and each turn shows as a connect. */
export const takesTurns = ({ policy, endpoints }: Cluster): boolean =>
  policy.balance === 'ROUND_ROBIN' &&
  !policy.remembersFailures &&
  new Set(endpoints.map(({ weight }) => weight)).size > 1 &&
  !endpoints.some(({ address }) => OWN_ADDRESSES.includes(address))

const greatest = (a: number, b: number): number => (b === 0 ? a : greatest(b, a % b))
