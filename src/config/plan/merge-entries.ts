/**
 * ServiceEntries of one host that are one service: most often one for each port.
 *
 * They merge as in istiod (pilot/pkg/model/sidecar.go, canMergeServices): in one namespace, with
 * the same resolution, labels, workload selector and exportTo. If several define a port, the oldest
 * wins; each port has the endpoints of its entry.
 */

import { formatCidr } from '../../address/address.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'
import type { ServiceEntrySpec } from './inputs.ts'
import type { Member, Service, ServicePort } from './service.ts'

/** The services of one host, oldest first, with the mergeable ones as one. */
export function mergeEntries(services: readonly Service[], findings: Findings): readonly Service[] {
  const groups = Map.groupBy(services, each => (isEntry(each) ? affinity(each.resource) : each))
  return [...groups.values()].map(group => (group.length === 1 ? group[0] : merge(group, findings)))
}

/** Why two services of one host are not merged, for the operator of the second. */
export function whyApart(first: Service, second: Service): string {
  if (!isEntry(first) || !isEntry(second) || first.namespace !== second.namespace) return ''
  const differing = Object.keys(AFFINITIES).filter(
    name => AFFINITIES[name](first.resource) !== AFFINITIES[name](second.resource),
  )
  return differing.length === 0 ? '' : `; they are not merged, since their ${listed(differing)} differ`
}

const isEntry = ({ resource }: Service): boolean => resource.kind === 'ServiceEntry'

const specOf = ({ value }: Resource): Partial<ServiceEntrySpec> =>
  (value.spec ?? {}) as Partial<ServiceEntrySpec>

/** The parts that must be equal, as text. */
const AFFINITIES: Readonly<Record<string, (entry: Resource) => string>> = {
  namespaces: ({ metadata }) => metadata.namespace,
  resolutions: entry => specOf(entry).resolution ?? 'NONE',
  labels: ({ metadata }) => sorted(metadata.labels),
  workloadSelectors: entry => sorted(specOf(entry).workloadSelector?.labels ?? {}),
  exportTo: entry => JSON.stringify([...(specOf(entry).exportTo ?? [])].sort()),
}

const affinity = (entry: Resource): string =>
  JSON.stringify(Object.values(AFFINITIES).map(text => text(entry)))

const sorted = (labels: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(labels).sort())

const listed = (names: readonly string[]): string =>
  names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

/** Each port number belongs to the first entry that has it. */
function merge(group: readonly Service[], findings: Findings): Service {
  const owners = new Map<number, Service>()
  const shares = group.map(entry => {
    const ports = entry.ports.filter(port => owners.getOrInsert(port.number, entry) === entry)
    if (ports.length < entry.ports.length) reportTwice(entry, ports, group[0], owners, findings)
    return { entry, ports: ports.map(port => ({ ...port, listens: entry.listens })) }
  })
  const sharers = shares.filter(({ ports }) => ports.length > 0)
  const [first = group[0], ...others] = sharers.map(({ entry }) => entry)
  const addresses = new Map(
    sharers.flatMap(({ entry }) => entry.addresses).map(each => [formatCidr(each), each]),
  )
  return {
    ...first,
    listens: others.every(each => each.listens === first.listens) ? first.listens : 'addresses',
    ports: sharers.flatMap(({ ports }) => ports),
    addresses: [...addresses.values()],
    members: sharers.flatMap(({ entry, ports }) => entry.members.map(each => only(ports, each))),
  }
}

/** A member for the ports of its own entry only. */
function only(ports: readonly ServicePort[], member: Member): Member {
  const numbers = new Set(ports.map(each => each.number))
  return { ...member, portOf: port => (numbers.has(port.number) ? member.portOf(port) : 0) }
}

/** `kept` are the ports that remain of the entry. */
function reportTwice(
  { resource, path, host, ports }: Service,
  kept: readonly ServicePort[],
  first: Service,
  owners: ReadonlyMap<number, Service>,
  findings: Findings,
): void {
  if (kept.length === 0) {
    const message = `${quote(host)} is already defined by ${first.resource.title}, which is older and wins`
    findings.at('CFG401', resource, path, message)
    return
  }
  for (const port of ports.filter(each => !kept.includes(each))) {
    const owner = (owners.get(port.number) ?? first).resource
    const message = `port ${port.number} of ${quote(host)} is already defined by ${owner.title}, which is older and wins`
    findings.at('CFG401', resource, port.path, message)
  }
}
