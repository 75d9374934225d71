/**
 * Which address and port of the mesh means which service.
 */

import { type Cidr, formatCidr } from '../../net/address.ts'
import type { Findings } from '../diagnostic.ts'
import type { Settings } from '../settings.ts'
import type { Service, ServicePort } from './service.ts'
import { isVisible } from './visibility.ts'

/** A service's port with the addresses that no older service has taken on it. */
export type Exposed = {
  readonly service: Service
  readonly port: ServicePort
  readonly addresses: readonly Cidr[]
}

/** Each service port with its addresses; of two services with one address and port the older has it. */
export function exposePorts(services: readonly Service[], settings: Settings, findings: Findings): Exposed[] {
  const owners = new Map<string, Service>()
  return services
    .filter(service => isSeen(service, settings))
    .flatMap(service =>
      service.ports.flatMap(port => {
        const known = service.addresses.length === 0 ? [null] : service.addresses
        const free = known.filter(address => {
          const owner = owners.getOrInsert(`${address ? formatCidr(address) : '*'} ${port.number}`, service)
          if (owner !== service) reportShared(service, port, address, owner, findings)
          return owner === service
        })
        return free.length === 0
          ? []
          : [{ service, port, addresses: free.filter(address => address !== null) }]
      }),
    )
}

/** A service that is exported to nobody, or not to the workload of the Settings, is not there for the mesh. */
const isSeen = ({ visibility }: Service, { workload }: Settings): boolean =>
  workload ? isVisible(visibility, workload.namespace) : visibility === 'public' || visibility.size > 0

function reportShared(
  service: Service,
  port: ServicePort,
  address: Cidr | null,
  owner: Service,
  findings: Findings,
): void {
  const where = address
    ? `${formatCidr(address)} port ${port.number}`
    : `port ${port.number} without an address`
  findings.at(
    'CFG405',
    service.resource,
    port.path,
    `${where} belongs to ${owner.host} (${owner.resource.title}), which is older`,
  )
}
