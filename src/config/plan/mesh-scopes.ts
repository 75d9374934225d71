/**
 * Scopes of the mesh: for the addresses of a service, the rules of its VirtualServices, then the
 * service itself.
 *
 * The client, and so what it sees, is known only when it connects. So exportTo becomes a condition
 * of the rules. If several services have one address for different clients, their rules follow each
 * other.
 */

import type { Cidr, Family } from '../../address/address.ts'
import { DENIED, PASSTHROUGH } from '../../table/format/outcome.ts'
import { type Rule, type Scope, type ScopeDefault, UNKNOWN_CLIENT } from '../../table/plan/plan.ts'
import type { Settings } from '../settings/settings.ts'
import type { Clusters } from './clusters.ts'
import type { Exposed, Owner } from './exposed-ports.ts'
import { HostIndex } from './host-patterns.ts'
import { whyNotTcp } from './layer-findings.ts'
import { MESH } from './names.ts'
import { rulesOf } from './rules.ts'
import type { ServicePort } from './service.ts'
import type { VirtualService } from './virtual-services.ts'
import type { Tier } from './visibility.ts'

/** VirtualServices of the mesh, oldest first. */
type Ranked = { readonly virtualService: VirtualService; readonly rank: number }

/** A VirtualService for the clients of some namespaces; null: of all. */
type Seen = {
  readonly virtualService: VirtualService
  readonly tier: Tier
  readonly visibleTo: readonly string[] | null
}

export type ScopeInputs = {
  readonly settings: Settings
  readonly virtualServices: readonly VirtualService[]
  readonly clusters: Clusters
}

export class MeshScopes {
  readonly #inputs: ScopeInputs
  /** The mesh VirtualServices by host. */
  readonly #index = new HostIndex<Ranked>()

  constructor(inputs: ScopeInputs) {
    this.#inputs = inputs
    for (const [rank, virtualService] of inputs.virtualServices.entries()) {
      if (!virtualService.gateways.includes(MESH)) continue
      for (const host of virtualService.hosts) this.#index.add(host, { virtualService, rank })
    }
  }

  of(exposed: Exposed): Scope[] {
    const owners = knownToAll(exposed.owners)
    const host = owners[0].service.host
    const scope = { host, port: exposed.number, addresses: exposed.addresses }
    const rules = owners.map(owner => this.#rulesOf(owner))
    return byFamily(exposed).map(({ family, addresses }) => ({
      ...scope,
      addresses,
      rules: rules.flat(),
      ...this.#defaultsOf(owners, rules, family),
    }))
  }

  /** By age. */
  #virtualServicesFor(host: string): VirtualService[] {
    const found = [...new Set(this.#index.overlapping(host))].toSorted(
      (left, right) => left.rank - right.rank,
    )
    return [...new Set(found.map(each => each.virtualService))]
  }

  /**
   * Private VirtualServices, then those exported by name, then public ones: the order that each
   * client sees.
   */
  #rulesOf({ service, port, viewers }: Owner): Rule[] {
    const { settings, clusters } = this.#inputs
    const notTcp = port.layer === 'tcp' ? '' : whyNotTcp(service, port)
    return this.#virtualServicesFor(service.host)
      .flatMap(seenBy)
      .toSorted((left, right) => left.tier - right.tier)
      .flatMap(({ visibleTo: seen, virtualService }) => {
        const visibleTo = seen && viewers ? seen.filter(each => viewers.includes(each)) : (seen ?? viewers)
        if (visibleTo?.length === 0) return []
        const viewpoint = { ...viewpointOf(virtualService.namespace, port, settings), dialled: service }
        const listening = { ...viewpoint, gateway: MESH, layer: port.layer, visibleTo, notTcp }
        return rulesOf(virtualService, listening, clusters)
      })
  }

  /**
   * Each owner's service behind the owner's rules; clients of no owner are treated as if the place
   * were empty.
   */
  #defaultsOf(
    owners: readonly Owner[],
    rules: readonly (readonly Rule[])[],
    family: Family | null,
  ): Pick<Scope, 'defaults' | 'defaultRoute'> {
    const defaults: ScopeDefault[] = []
    let after = 0
    for (const [index, owner] of owners.entries()) {
      after += rules[index].length
      const route = this.#defaultRoute(owner, family)
      if (owner.viewers === null) return { ...(defaults.length > 0 && { defaults }), defaultRoute: route }
      defaults.push({ after, visibleTo: owner.viewers, route })
    }
    const { outbound } = this.#inputs.settings.mesh
    return { defaults, defaultRoute: outbound === 'ALLOW_ANY' ? PASSTHROUGH : DENIED }
  }

  #defaultRoute({ service, port }: Owner, family: Family | null): number {
    const { settings, clusters } = this.#inputs
    const target = { host: service.host, subset: null, port: port.number }
    const viewpoint = { ...viewpointOf(service.namespace, port, settings), dialled: service, family }
    return clusters.routeOf('service', [{ cluster: clusters.indexOf(target, viewpoint), weight: 1 }], {
      split: 'random',
      onDead: 'fail',
    })
  }
}

/**
 * An unknown client has no namespace that excludes it: without a public owner it gets the first
 * one.
 */
function knownToAll([first, ...others]: Exposed['owners']): readonly [Owner, ...Owner[]] {
  const { viewers } = first
  if (viewers === null || others.at(-1)?.viewers === null) return [first, ...others]
  return [{ ...first, viewers: [...viewers, UNKNOWN_CLIENT] }, ...others]
}

/**
 * A service with both families gets connections to endpoints of the dialled family, as in
 * kube-proxy.
 */
function byFamily({ owners, addresses }: Exposed): { family: Family | null; addresses: readonly Cidr[] }[] {
  const isDual = owners.some(
    ({ service }) => service.listens === 'addresses' && service.members.some(each => each.other !== null),
  )
  if (!isDual || addresses.length === 0) return [{ family: null, addresses }]
  return ([4, 6] as const)
    .map(family => ({ family, addresses: addresses.filter(each => each.family === family) }))
    .filter(each => each.addresses.length > 0)
}

function seenBy(virtualService: VirtualService): Seen[] {
  const { visibility, namespace } = virtualService
  if (visibility === 'public') return [{ tier: 2, visibleTo: null, virtualService }]
  const others = [...visibility].filter(each => each !== namespace)
  return [
    ...(visibility.has(namespace) ? [{ tier: 0 as const, visibleTo: [namespace], virtualService }] : []),
    ...(others.length > 0 ? [{ tier: 1 as const, visibleTo: others, virtualService }] : []),
  ]
}

/** Without a workload in the Settings the proxy's namespace is unknown; weir uses the rule's. */
const viewpointOf = (namespace: string, port: ServicePort, { workload }: Settings) => ({
  viewer: workload?.namespace ?? null,
  namespace: workload?.namespace ?? namespace,
  port: port.number,
})
