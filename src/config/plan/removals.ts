/**
 * The destinations whose connections end with their endpoint, and the endpoints that they have.
 *
 * A host has an endpoint if it has it in any subset: an endpoint whose labels change, or whose
 * subset no route names any more, is still there.
 */

import type { Cluster } from '../../table/plan/plan.ts'
import type { Removal } from '../../table/plan/removal.ts'
import type { DestinationRules } from './destination-rules.ts'
import type { Registry } from './registry.ts'
import type { Service, ServicePort } from './service.ts'

/**
 * The destinations that ask for it: those of the Plan, and others, since a route that names another
 * host removes no endpoint.
 */
export function removalsOf(
  registry: Registry,
  rules: DestinationRules,
  clusters: readonly Cluster[],
): Removal[] {
  const routed = new Map(clusters.map(each => [`${each.host}:${each.port}`, each]))
  const removals = new Map<string, Removal>()
  for (const service of registry.services.filter(each => each.resolution === 'static')) {
    const byDefault = rules.find(service.host, service.namespace, service.namespace)?.connect
    for (const port of service.ports) {
      const key = `${service.host}:${port.number}`
      const cluster = routed.get(key)
      const overMs = (cluster ? cluster.onRemoveMs : byDefault?.onRemoveMs) ?? null
      const at = (cluster ? cluster.policyAt : byDefault?.places)?.onRemove
      if (overMs === null || at === undefined) continue
      const known = removals.get(key) ?? removalOf(service, port, overMs, at)
      removals.set(key, { ...known, places: [...known.places, ...placesOf(service, port)] })
    }
  }
  return [...removals.values()]
}

const removalOf = (
  { host }: Service,
  { number: port }: ServicePort,
  overMs: number,
  at: Removal['at'],
): Removal => ({ host, port, overMs, places: [], at })

function placesOf({ members }: Service, port: ServicePort): Removal['places'] {
  return members.flatMap(member => {
    const at = member.portOf(port)
    const places = member.other === null ? [member.address] : [member.address, member.other]
    return at === 0 ? [] : places.map(place => ({ place, port: at }))
  })
}
