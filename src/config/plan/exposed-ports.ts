/**
 * Which address and port of the mesh means which service.
 */

import { type Cidr, formatCidr, parseCidr } from '../../net/address.ts'
import type { Findings } from '../diagnostic.ts'
import type { Settings } from '../settings.ts'
import { reportAnywhere } from './address-findings.ts'
import type { Service, ServicePort } from './service.ts'
import { isVisible } from './visibility.ts'

/** A service's port with the addresses that no older service has taken on it. */
export type Exposed = {
  readonly service: Service
  readonly port: ServicePort
  /** Empty: every address. */
  readonly addresses: readonly Cidr[]
}

/** Each service port with its addresses; of two services with one address and port the older has it. */
export function exposePorts(all: readonly Service[], settings: Settings, findings: Findings): Exposed[] {
  const owners = new Map<string, Service>()
  const services = all.filter(service => isSeen(service, settings))
  reportAnywhere(services, findings)
  return services.flatMap(service =>
    service.ports.flatMap(port => {
      const lost = new Map<Service, (Cidr | null)[]>()
      const free = addressesOf(service, port).filter(address => {
        const owner = owners.getOrInsert(`${address ? formatCidr(address) : '*'} ${port.number}`, service)
        if (owner !== service) lost.getOrInsertComputed(owner, () => []).push(address)
        return owner === service
      })
      for (const [owner, addresses] of lost) reportShared(port, addresses, owner, findings)
      const addresses = free.filter(address => address !== null)
      return free.length === 0 ? [] : [{ service, port, addresses }]
    }),
  )
}

/** Where the mesh listens for a port; null is every address. */
function addressesOf({ listens, addresses, members }: Service, port: ServicePort): readonly (Cidr | null)[] {
  if (listens === 'anywhere') return [null]
  if (listens === 'nowhere') return []
  if (listens === 'addresses') return addresses
  return members
    .filter(member => member.portOf(port) !== 0)
    .flatMap(({ address, other }) => [address, other ?? ''].flatMap(text => parseCidr(text) ?? []))
}

/** A service that is exported to nobody, or not to the workload of the Settings, is not there for the mesh. */
const isSeen = ({ visibility }: Service, { workload }: Settings): boolean =>
  workload ? isVisible(visibility, workload.namespace) : visibility === 'public' || visibility.size > 0

function reportShared(
  port: ServicePort,
  [address, ...others]: readonly (Cidr | null)[],
  owner: Service,
  findings: Findings,
): void {
  const more = others.length === 0 ? '' : ` and ${others.length} more of its addresses`
  const where = address
    ? `${formatCidr(address)}${more} port ${port.number}`
    : `port ${port.number} without an address`
  const verb = others.length === 0 ? 'belongs' : 'belong'
  findings.at(
    'CFG405',
    port.resource,
    port.path,
    `${where} ${verb} to ${owner.host} (${owner.resource.title}), which is older`,
  )
}
