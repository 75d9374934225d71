/**
 * A service: the meaning of a destination host, defined by a ServiceEntry or a Kubernetes Service.
 */

import type { Cidr } from '../../address/address.ts'
import type { Path } from '../findings/diagnostic.ts'
import type { Resource } from '../resource.ts'
import type { Labels } from './inputs.ts'
import type { Layer } from './protocol.ts'
import type { Visibility } from './visibility.ts'

export type Service = {
  /** Full name; a ServiceEntry's may be a wildcard. */
  readonly host: string
  readonly namespace: string
  readonly resource: Resource
  /** Where the host stands in its resource. */
  readonly path: Path
  readonly visibility: Visibility
  readonly listens: Listens
  /** Addresses that belong to it. */
  readonly addresses: readonly Cidr[]
  readonly ports: readonly ServicePort[]
  /** `original`: connections go on to the address that they were made to; it has no members. */
  readonly resolution: 'static' | 'original'
  readonly members: readonly Member[]
  /** The other name that it stands for (ExternalName); null for all others. */
  readonly aliasOf: string | null
}

/**
 * By which addresses the mesh knows a connection to the service:
 * - `addresses`: its own;
 * - `anywhere`: it has none that is known, so every address on its ports is taken for it;
 * - `members`: those of its endpoints, each of which gets what was meant for it (a headless
 *   Service);
 * - `nowhere`: it has none, and a client never dials one (an ExternalName).
 */
export type Listens = 'addresses' | 'anywhere' | 'members' | 'nowhere'

export type ServicePort = {
  readonly number: number
  readonly name: string
  readonly layer: Exclude<Layer, 'udp'>
  /** Where the mesh listens for it, where that is not as for the other ports of its service. */
  readonly listens?: Listens
  /** Number, container port's name, or null where the resource gives none. */
  readonly target: number | string | null
  /** The resource that it stands in, and where. */
  readonly resource: Resource
  readonly path: Path
}

/** One endpoint, before a port is chosen. */
export type Member = {
  /** An IP address or a DNS name. */
  readonly address: string
  /** Its address of the other family, where its service has both; it is still one endpoint. */
  readonly other: string | null
  /** It is being deleted, and serves only where no other endpoint does. */
  readonly draining: boolean
  readonly labels: Labels
  readonly weight: number
  /** The port on which it serves a port of the service; 0 where it does not. */
  portOf(port: ServicePort): number
}
