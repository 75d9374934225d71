/**
 * A service: the meaning of a destination host, defined by a ServiceEntry or a Kubernetes Service.
 */

import type { Cidr } from '../../address/address.ts'
import type { Path } from '../findings/diagnostic.ts'
import type { Resource } from '../resource.ts'
import type { Labels, ServiceSpec } from './inputs.ts'
import type { Prefers, Where } from './locality.ts'
import type { Layer } from './protocol.ts'
import type { Visibility } from './visibility.ts'

export type Service = {
  /** Full name; a ServiceEntry's may be a wildcard. */
  readonly host: string
  readonly namespace: string
  readonly resource: Resource
  /** The place of the host in its resource. */
  readonly path: Path
  readonly visibility: Visibility
  readonly listens: Listens
  /** Addresses that belong to it. */
  readonly addresses: readonly Cidr[]
  readonly ports: readonly ServicePort[]
  /** `original`: connections go on to their original address; it has no members. */
  readonly resolution: 'static' | 'original'
  readonly members: readonly Member[]
  /** Its endpoints may change by themselves, in an API; absent: with the other resources only. */
  readonly live?: { readonly id: string; readonly spec: ServiceSpec }
  /** The endpoints that come first, by its trafficDistribution; absent: none. */
  readonly prefers?: Prefers | undefined
  /** Whether hints of EndpointSlices say which zone an endpoint is for. */
  readonly byHints?: boolean
  /** Whether only endpoints on the gateway's own node count (internalTrafficPolicy: Local). */
  readonly isNodeLocal?: boolean
  /** The other name that it stands for (ExternalName); null for all others. */
  readonly aliasOf: string | null
}

/**
 * How the mesh recognizes a connection to the service:
 * - `addresses`: by its own addresses;
 * - `anywhere`: it has no known address, so it takes every address on its ports;
 * - `members`: by its endpoints' addresses, each of which gets its own connections (a headless
 *   Service);
 * - `nowhere`: not at all, since clients never dial it (an ExternalName).
 */
export type Listens = 'addresses' | 'anywhere' | 'members' | 'nowhere'

export type ServicePort = {
  readonly number: number
  readonly name: string
  readonly layer: Exclude<Layer, 'udp'>
  /** Where the mesh listens for this port, if it differs from the service's other ports. */
  readonly listens?: Listens
  /** Number, container port's name, or null if the resource gives none. */
  readonly target: number | string | null
  /** The resource that defines it, and the place. */
  readonly resource: Resource
  readonly path: Path
}

/** What a member's port is found by; plain data. */
export type AskedPort = Pick<ServicePort, 'number' | 'name' | 'target'>

/** One endpoint, before a port is chosen. */
export type Member = {
  /** An IP address or a DNS name. */
  readonly address: string
  /** Its address of the other family, if its service has both; it still is one endpoint. */
  readonly other: string | null
  /** It is being deleted, and serves only if no other endpoint does. */
  readonly draining: boolean
  readonly labels: Labels
  readonly weight: number
  /** Absent: unknown. */
  readonly where?: Where
  /** The zones whose clients it is for; absent: nobody says. */
  readonly zones?: readonly string[]
  /** Of a name only the first address counts (DNS_ROUND_ROBIN). */
  readonly onlyFirst?: true
  /** Its port for a port of the service; 0 if it does not serve that port. */
  portOf(port: AskedPort): number
}
