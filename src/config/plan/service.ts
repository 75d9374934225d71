/** A service: what a destination host stands for, wherever it was defined (ServiceEntry or Kubernetes Service). */

import type { Cidr } from '../../net/address.ts'
import type { Path } from '../diagnostic.ts'
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
  /** Addresses that belong to it; none: it is known by its ports alone. */
  readonly addresses: readonly Cidr[]
  readonly ports: readonly ServicePort[]
  /** `original`: connections go on to the address that they were made to; it has no members. */
  readonly resolution: 'static' | 'original'
  readonly members: readonly Member[]
}

export type ServicePort = {
  readonly number: number
  readonly name: string
  readonly layer: Exclude<Layer, 'udp'>
  /** Number, container port's name, or null where the resource gives none. */
  readonly target: number | string | null
  /** Where it stands in its resource. */
  readonly path: Path
}

/** One endpoint, before a port is chosen. */
export type Member = {
  /** An IP address or a DNS name. */
  readonly address: string
  readonly labels: Labels
  readonly weight: number
  /** The port on which it serves a port of the service; 0 where it does not. */
  portOf(port: ServicePort): number
}
