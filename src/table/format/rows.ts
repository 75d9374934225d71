/** Rows of a table as plain values, to explain, compare and show; never on the data path. */

import { type Cidr, type Family, formatAddress, formatEndpoint } from '../../address/address.ts'
import type { Cold } from './cold.ts'
import { runOf } from './endpoints.ts'
import { Endpoint, EndpointRun } from './endpoints-layout.ts'
import { Destination, Prefix, Route } from './routing-layout.ts'
import type { Table } from './table.ts'

/** A destination of a route, with its configured share of connections (0 – 1). */
export type RouteDestination = {
  /** Row of its cluster. */
  readonly cluster: number
  readonly host: string
  readonly subset: string | null
  readonly port: number
  readonly weight: number
  readonly share: number
}

export function destinationsOf({ routes, splits }: Table, cold: Cold, route: number): RouteDestination[] {
  const first = routes[route * Route.WORDS + Route.firstSplit]
  const count = routes[route * Route.WORDS + Route.splitCount]
  const rows = Array.from({ length: count }, (_, index) => (first + index) * Destination.WORDS)
  const total = rows.reduce((sum, row) => sum + splits[row + Destination.weight], 0)
  return rows.map(row => {
    const cluster = splits[row + Destination.cluster]
    const weight = splits[row + Destination.weight]
    const { host, subset, port } = cold.clusters[cluster]
    return { cluster, host, subset, port, weight, share: count === 1 ? 1 : weight / total }
  })
}

/** "10.0.0.1:80" for each endpoint of a cluster; its names if none has an address yet. */
export function endpointsOf(table: Table, cold: Cold, cluster: number): string[] {
  const { endpoints } = table
  const run = runOf(table, cluster)
  const first = endpoints[run + EndpointRun.first]
  const known = Array.from({ length: endpoints[run + EndpointRun.count] }, (_, index) =>
    endpointText(endpoints, first + index),
  )
  return known.length > 0 ? known : cold.clusters[cluster].names.map(each => `${each.name}:${each.port}`)
}

/** "10.0.0.1:80" for an endpoint's row. */
export function endpointText(endpoints: Uint32Array, endpoint: number): string {
  const at = endpoint * Endpoint.WORDS
  const address = formatAddress(endpoints[at + Endpoint.family] as Family, endpoints, at + Endpoint.address)
  return formatEndpoint(address, endpoints[at + Endpoint.port])
}

/** The prefixes of the run (a first index and a count) that stands at word `run` of `rules`. */
export const prefixesOf = (table: Pick<Table, 'rules' | 'prefixes'>, run: number): Cidr[] =>
  cidrsOf(table, table.rules[run], table.rules[run + 1])

export function cidrsOf({ prefixes }: Pick<Table, 'prefixes'>, first: number, count: number): Cidr[] {
  return Array.from({ length: count }, (_, index) => {
    const at = (first + index) * Prefix.WORDS
    return {
      family: prefixes[at + Prefix.family] as Family,
      bits: prefixes[at + Prefix.bits],
      words: prefixes.slice(at + Prefix.address, at + Prefix.address + 4),
    }
  })
}
