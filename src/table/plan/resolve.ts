/** Resolves endpoints that have a name to addresses. */

import { parseAddress } from '../../address/address.ts'
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
  const endpoints = new Map<string, Endpoint>()
  for (const { place, port, weight, onlyFirst, ...placing } of places) {
    const found = parseAddress(place) === null ? (names.get(place) ?? []) : [place]
    for (const address of onlyFirst ? found.slice(0, 1) : found) {
      const key = `${address} ${port}`
      if (!endpoints.has(key)) endpoints.set(key, { address, port, weight, ...placing })
    }
  }
  return [...endpoints.values()]
}
