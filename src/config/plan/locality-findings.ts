/**
 * A `localityLbSetting` that changes nothing, since the Settings do not say where the gateway is.
 *
 * Istio reads that from the proxy's Node, so whoever takes such a file from a cluster misses it.
 */

import type { Cluster } from '../../table/plan/plan.ts'
import type { Findings } from '../findings/diagnostic.ts'
import type { PolicyPlaces } from './policy-places.ts'
import type { Service } from './service.ts'

/** A destination with such a setting, and the block that it is read from. */
export type Unplaced = { readonly cluster: Cluster; readonly block: object }

/** Istio and kube-proxy know their node; without it, all endpoints of the Service are used. */
export function reportNodeless(services: Iterable<Service>, findings: Findings): void {
  for (const { resource, host } of services) {
    const message = `${host}: endpoints on every node are used, since the Settings do not say on which node this gateway is`
    findings.at(
      'CFG445',
      resource,
      ['spec', 'internalTrafficPolicy'],
      message,
      'set locality.node in the Settings',
    )
  }
}

export function reportUnplaced(
  unplaced: readonly Unplaced[],
  places: PolicyPlaces,
  findings: Findings,
): void {
  for (const [block, [{ cluster }]] of Map.groupBy(unplaced, each => each.block)) {
    const spot = places.spotOf(block)
    if (!spot) continue
    const { host, port, subset } = cluster
    const title = `${host}:${port}${subset === null ? '' : ` subset ${subset}`}`
    const message = `${title}: all endpoints are alike, since the Settings do not say where this gateway is`
    findings.at('CFG445', spot.resource, [...spot.path, 'localityLbSetting'], message)
  }
}
