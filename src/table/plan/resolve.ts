/** Resolves endpoints that have a name to addresses. */

import { familyOf } from '../../address/address.ts'
import type { Endpoint, Place } from './plan.ts'

/**
 * Each address and port once, in the order of the written endpoints.
 *
 * @param names  What names resolve to, as far as known; an address stands for itself.
 */
export function resolvePlaces(
  places: readonly Place[],
  names: ReadonlyMap<string, readonly string[]>,
): Endpoint[] {
  const few = places.length <= FEW ? fewAddresses(places) : null
  if (few) return few
  const endpoints = new Map<string, Endpoint>()
  const port = places.at(0)?.port
  const add = (address: string, place: Place): void => {
    // Most have one port, and a text that is put together costs more than all the rest.
    const key = place.port === port ? address : `${address} ${place.port}`
    if (!endpoints.has(key)) endpoints.set(key, endpointOf(address, place))
  }
  for (const each of places) {
    const { place, onlyFirst } = each
    if (familyOf(place) !== null) add(place, each)
    else for (const address of (names.get(place) ?? []).slice(0, onlyFirst && 1)) add(address, each)
  }
  return [...endpoints.values()]
}

/** So few are compared with each other: to look up a text that is new costs V8 more. */
const FEW = 16

/** Places that are addresses, each another one; null: others. */
function fewAddresses(places: readonly Place[]): Endpoint[] | null {
  const endpoints: Endpoint[] = []
  for (const each of places) {
    const { place, port } = each
    if (familyOf(place) === null) return null
    for (const other of endpoints) if (other.address === place && other.port === port) return null
    endpoints.push(endpointOf(place, each))
  }
  return endpoints
}

function endpointOf(address: string, { port, weight, priority, locality, share }: Place): Endpoint {
  if (priority === undefined && locality === undefined && share === undefined)
    return { address, port, weight }
  return {
    address,
    port,
    weight,
    ...(priority !== undefined && { priority }),
    ...(locality !== undefined && { locality }),
    ...(share !== undefined && { share }),
  }
}
