/**
 * Which service an address and port of the mesh belongs to, for which clients.
 *
 * A service that is exported to some namespaces exists for their clients only. It takes precedence
 * over a public one of the same address; all other clients get the service that would be there
 * without it, possibly that of a wider range.
 */

import { type Cidr, contains, formatCidr, parseCidr } from '../../address/address.ts'
import type { Findings } from '../findings/diagnostic.ts'
import type { Settings } from '../settings/settings.ts'
import { reportAnywhere } from './address-findings.ts'
import type { Service, ServicePort } from './service.ts'
import { isVisible } from './visibility.ts'

/** A service's port, and the namespaces whose clients have it; null: all others. */
export type Owner = {
  readonly service: Service
  readonly port: ServicePort
  readonly viewers: readonly string[] | null
}

/** Addresses on a port that have the same owners. */
export type Exposed = {
  readonly number: number
  /** In order of precedence; at least one, and none after one for all. */
  readonly owners: readonly [Owner, ...Owner[]]
  /** Empty: every address. */
  readonly addresses: readonly Cidr[]
}

/** One address or range on a port; null: every address. */
type Place = { readonly cidr: Cidr | null; readonly owners: Owner[] }

/**
 * Every address and port of the services; if two services claim one for the same viewers, the older
 * has it.
 */
export function exposePorts(all: readonly Service[], settings: Settings, findings: Findings): Exposed[] {
  const services = all.filter(service => isSeen(service, settings))
  reportAnywhere(services, findings)
  const places = new Map<number, Map<string, Place>>()
  const isExported = (service: Service): boolean => service.visibility !== 'public'
  for (const service of [...services.filter(isExported), ...services.filter(each => !isExported(each))]) {
    const viewers = settings.workload || service.visibility === 'public' ? null : [...service.visibility]
    for (const port of service.ports) claim({ service, port, viewers }, places, findings)
  }
  const ordinals = new Map(services.map((service, index) => [service, index]))
  return [...places].flatMap(([number, byCidr]) => grouped(number, withWider([...byCidr.values()]), ordinals))
}

/**
 * A service that is exported to nobody, or not to the workload of the Settings, does not exist for
 * the mesh.
 */
const isSeen = ({ visibility }: Service, { workload }: Settings): boolean =>
  workload ? isVisible(visibility, workload.namespace) : visibility === 'public' || visibility.size > 0

/** Enters a port at each of its addresses, for the viewers that no earlier port has there. */
function claim(owner: Owner, places: Map<number, Map<string, Place>>, findings: Findings): void {
  const { service, port } = owner
  const lost = new Map<Service, (Cidr | null)[]>()
  const byCidr = places.getOrInsertComputed(port.number, () => new Map())
  for (const cidr of addressesOf(service, port)) {
    const key = cidr ? formatCidr(cidr) : '*'
    const { owners } = byCidr.getOrInsertComputed(key, () => ({ cidr, owners: [] }))
    if (owners.at(-1)?.service === service) continue
    const [first] = owners.filter(each => takesFrom(each, owner))
    if (first) lost.getOrInsertComputed(first.service, () => []).push(cidr)
    const rest = left(owner, owners)
    if (rest) owners.push(rest)
  }
  for (const [earlier, cidrs] of lost) reportShared(port, cidrs, earlier, findings)
}

/** Where the mesh listens for a port; null: every address. */
function addressesOf(service: Service, port: ServicePort): readonly (Cidr | null)[] {
  const listens = port.listens ?? service.listens
  if (listens === 'anywhere') return [null]
  if (listens === 'nowhere') return []
  if (listens === 'addresses') return service.addresses
  return service.members
    .filter(member => member.portOf(port) !== 0)
    .flatMap(({ address, other }) => [address, other ?? ''].flatMap(text => parseCidr(text) ?? []))
}

/**
 * Whether an owner takes viewers from a later one of its own kind: those of the same exportTo, or
 * all.
 */
function takesFrom(earlier: Owner, later: Owner): boolean {
  if (earlier.viewers === null || later.viewers === null) return earlier.viewers === later.viewers
  return later.viewers.some(each => earlier.viewers?.includes(each))
}

/** The viewers that remain for an owner behind others; null: none. */
function left(owner: Owner, earlier: readonly Owner[]): Owner | null {
  if (earlier.length === 0) return owner
  if (earlier.some(each => each.viewers === null)) return null
  if (owner.viewers === null) return owner
  const taken = new Set(earlier.flatMap(each => each.viewers ?? []))
  const viewers = owner.viewers.filter(each => !taken.has(each))
  return viewers.length === 0 ? null : { ...owner, viewers }
}

/** Each place with its owners, then the owners of wider ranges for the remaining clients. */
function withWider(places: readonly Place[]): readonly Place[] {
  const isOpen = ({ owners }: Place): boolean => owners.at(-1)?.viewers !== null
  if (!places.some(isOpen)) return places
  const ranges = places
    .filter(({ cidr }) => cidr === null || cidr.bits < (cidr.family === 4 ? 32 : 128))
    .toSorted((a, b) => (b.cidr?.bits ?? -1) - (a.cidr?.bits ?? -1))
  return places.map(place => {
    if (!isOpen(place)) return place
    const owners = [...place.owners]
    for (const wider of ranges.filter(each => isAround(each.cidr, place.cidr))) {
      for (const owner of wider.owners) {
        const rest = left(owner, owners)
        if (rest) owners.push(rest)
      }
    }
    return { ...place, owners }
  })
}

const isAround = (outer: Cidr | null, inner: Cidr | null): boolean =>
  inner !== null &&
  (outer === null || (outer.bits < inner.bits && contains(outer, inner.family, inner.words)))

/** Places with the same owners together, as one scope of the table. */
function grouped(
  number: number,
  places: readonly Place[],
  ordinals: ReadonlyMap<Service, number>,
): Exposed[] {
  const keyOf = ({ cidr, owners }: Place): string =>
    `${cidr === null} ${owners.map(({ service, viewers }) => `${ordinals.get(service)} ${viewers?.join()}`).join(';')}`
  return [...Map.groupBy(places, keyOf).values()].flatMap(([first, ...others]) => {
    const [owner, ...more] = first.owners
    if (!owner) return []
    const addresses = [first, ...others].flatMap(({ cidr }) => cidr ?? [])
    return [{ number, owners: [owner, ...more], addresses }]
  })
}

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
  const message = `${where} ${verb} to ${owner.host} (${owner.resource.title}), which is older`
  findings.at('CFG405', port.resource, port.path, message)
}
