/**
 * Whether the endpoint of an open connection has been removed, and its destination wants such
 * connections ended (`gateway.weir/on-remove: close`).
 *
 * A connection belongs to the host and port that it was routed to. What matters is whether that
 * host still has the endpoint, whoever routes to it by now.
 */

import { type Family, formatAddress, formatEndpoint, parseAddress } from '../../address/address.ts'
import type { ResolvedNames } from '../../config/load.ts'
import { Live, Stage } from '../../stats/connections.ts'
import { matchedOf } from '../../stats/match-names.ts'
import type { WrittenAt } from '../../table/plan/plan.ts'
import type { Removal } from '../../table/plan/removal.ts'
import { resolvePlaces } from '../../table/plan/resolve.ts'
import type { Observer } from '../observe/observer.ts'

/** A host and port whose connections end with their endpoint. */
type Closing = {
  readonly overMs: number
  /** Addresses with ports; null: not known, since a name has not resolved yet. */
  readonly endpoints: ReadonlySet<string> | null
  readonly at: WrittenAt
  /** Nothing defines it any more; it is kept until its connections have ended. */
  readonly isGone: boolean
}

/** By "host:port". */
export type ClosingDestinations = ReadonlyMap<string, Closing>

/**
 * The destinations of a configuration, with those of the one before that nothing defines any more.
 *
 * @param vanished  Keys of `before`.
 */
export function closingDestinations(
  removals: readonly Removal[],
  names: ResolvedNames,
  before: ClosingDestinations = new Map(),
  vanished: readonly string[] = [],
): ClosingDestinations {
  const closing = new Map<string, Closing>()
  for (const key of vanished) {
    const known = before.get(key)
    if (known) closing.set(key, { ...known, endpoints: new Set(), isGone: true })
  }
  for (const { host, port, overMs, places, at } of removals)
    closing.set(`${host}:${port}`, { overMs, endpoints: endpointsOf(places, names), at, isGone: false })
  return closing
}

function endpointsOf(places: Removal['places'], names: ResolvedNames): ReadonlySet<string> | null {
  if (places.some(({ place }) => parseAddress(place) === null && !names.has(place))) return null
  const weighted = places.map(each => ({ ...each, weight: 1 }))
  return new Set(resolvePlaces(weighted, names).map(({ address, port }) => placeText(address, port)))
}

/** In the one way in which addresses are written here. */
function placeText(address: string, port: number): string {
  const parsed = parseAddress(address)
  return formatEndpoint(parsed ? formatAddress(parsed.family, parsed.words) : address, port)
}

/** Whether `after` may end connections that `before` keeps. */
export function mayRemove(before: ClosingDestinations, after: ClosingDestinations): boolean {
  for (const [key, { endpoints }] of after) {
    if (endpoints === null) continue
    const known = before.get(key)?.endpoints
    if (!known) return true // what is new here may have lost endpoints earlier
    for (const each of known) if (!endpoints.has(each)) return true
  }
  return false
}

/** A removed endpoint, and the host and port that had it. */
export type RemovedFrom = { readonly endpoint: string; readonly key: string; readonly closing: Closing }
export type Judged = RemovedFrom | 'undecided' | 'there' | null

export const isRemoved = (judged: Judged): judged is RemovedFrom =>
  typeof judged === 'object' && judged !== null

/**
 * Judges live rows. One that is still being read from or dialed for may yet get a removed endpoint,
 * by an older table. 'there': the endpoint of a connection that would end with it is not removed.
 * Null: the connection goes on.
 */
export function removalJudge(
  { generations }: Observer,
  destinations: ClosingDestinations,
): (words: Int32Array) => Judged {
  const keys = new Map<string, string | null>()
  const keyOf = (words: Int32Array): string | null => {
    const cluster = words[Live.cluster]
    if (cluster < 0) return null
    const row = `${words[Live.generation]} ${cluster}`
    const known = keys.get(row)
    if (known !== undefined) return known
    const table = generations.cold(words[Live.generation])
    const destination = table?.clusters[cluster] ?? generations.names(matchedOf(words, 0)).destination
    const key = destination && `${destination.host}:${destination.port}`
    if (table) keys.set(row, key)
    return key
  }
  return words => {
    const state = words[Live.state]
    if (state === Stage.reading) return 'undecided'
    const key = keyOf(words)
    const closing = key === null ? undefined : destinations.get(key)
    if (key === null || !closing?.endpoints) return null
    if (state === Stage.dialing) return 'undecided'
    const address = formatAddress(words[Live.endpointFamily] as Family, words, Live.endpointAddress)
    const endpoint = formatEndpoint(address, words[Live.endpointPort])
    return closing.endpoints.has(endpoint) ? 'there' : { endpoint, key, closing }
  }
}
