/**
 * Where the values of a policy are set: `weir explain` names file and line of each.
 *
 * policy.ts never copies a block, so an effective block is the very object that was read. This
 * module finds its place by identity.
 */

import type { Cluster } from '../../table/plan/plan.ts'
import type { PolicyField } from '../../table/plan/policy.ts'
import type { Path } from '../findings/diagnostic.ts'
import type { Resource } from '../resource.ts'
import type { DestinationRuleSpec, PolicyBlocks, TrafficPolicy, Typed } from './inputs.ts'

export type Spot = { readonly resource: Resource; readonly path: Path }

/** Fields of `connectionPool.tcp`, by the name that explain gives them, which is Istio's. */
const TCP_FIELDS = [
  'connectTimeout',
  'idleTimeout',
  'maxConnectionDuration',
  'maxConnections',
  'tcpKeepalive',
] as const satisfies readonly PolicyField[]

/** Of these the first that is there says where the balancer is written. */
const BALANCER_FIELDS = ['simple', 'consistentHash', 'warmup', 'warmupDurationSecs'] as const

export class PolicyPlaces {
  readonly #spots = new WeakMap<object, Spot>()

  constructor(rules: readonly Typed<DestinationRuleSpec>[]) {
    for (const { resource, value } of rules) {
      this.#add(value.trafficPolicy, { resource, path: ['spec', 'trafficPolicy'] })
      for (const [index, { trafficPolicy }] of (value.subsets ?? []).entries())
        this.#add(trafficPolicy, { resource, path: ['spec', 'subsets', index, 'trafficPolicy'] })
    }
  }

  /** Where a block is written. */
  spotOf(block: object): Spot | undefined {
    return this.#spots.get(block)
  }

  /** The place of each written value of the blocks. */
  of({
    connectionPool,
    loadBalancer,
    outlierDetection,
    proxyProtocol,
  }: PolicyBlocks & Pick<TrafficPolicy, 'proxyProtocol'>): NonNullable<Cluster['policyAt']> {
    const tcp = connectionPool?.tcp
    const written = TCP_FIELDS.filter(field => tcp?.[field] !== undefined)
    const places = written.flatMap(field => this.#place(connectionPool, field, ['tcp', field]))
    const balancer = BALANCER_FIELDS.find(name => loadBalancer?.[name] !== undefined)
    const balance = balancer === undefined ? [] : this.#place(loadBalancer, 'loadBalancer', [balancer])
    const ejection = this.#place(outlierDetection ?? undefined, 'outlierDetection', [])
    const proxy = this.#place(proxyProtocol ?? undefined, 'proxyProtocol', [])
    return Object.fromEntries([...places, ...balance, ...ejection, ...proxy])
  }

  #place(block: object | undefined, field: PolicyField, path: Path) {
    const spot = block && this.#spots.get(block)
    if (!spot) return []
    const { file, line } = spot.resource.locate([...spot.path, ...path])
    return [[field, { file, line }] as const]
  }

  #add(policy: TrafficPolicy | undefined, { resource, path }: Spot): void {
    if (!policy) return
    this.#addBlocks(policy, { resource, path })
    if (policy.proxyProtocol)
      this.#spots.set(policy.proxyProtocol, { resource, path: [...path, 'proxyProtocol'] })
    for (const [index, port] of (policy.portLevelSettings ?? []).entries())
      this.#addBlocks(port, { resource, path: [...path, 'portLevelSettings', index] })
  }

  #addBlocks(blocks: PolicyBlocks, { resource, path }: Spot): void {
    for (const name of ['connectionPool', 'loadBalancer', 'outlierDetection', 'tls'] as const) {
      const block = blocks[name]
      if (block) this.#spots.set(block, { resource, path: [...path, name] })
    }
  }
}
