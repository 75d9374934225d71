/**
 * Servers of Gateways: which VirtualServices they admit, and which get a socket.
 *
 * If two Gateways claim a socket, the older one gets it. Servers of one Gateway share it (Istio
 * silently ignores the second server).
 */

import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'
import type { Settings } from '../settings/settings.ts'
import { HostIndex } from './host-patterns.ts'
import type { GatewaySpec, Labels, Typed } from './inputs.ts'
import { plainAddress } from './names.ts'
import { layerOf } from './protocol.ts'
import type { VirtualService } from './virtual-services.ts'
import { hasLabels } from './workload.ts'

type WrittenServer = NonNullable<GatewaySpec['servers']>[number]

export type Server = {
  readonly resource: Resource
  readonly path: Path
  readonly port: number
  /** '' is every address. */
  readonly bind: string
  readonly protocol: string
  readonly isTcp: boolean
  /** For each host pattern the namespace whose VirtualServices it admits; '*' is any. */
  readonly hosts: HostIndex<string>
}

export type GatewayServers = {
  readonly resource: Resource
  /** The workloads that serve it; none: all do. */
  readonly selector: Labels
  readonly servers: readonly Server[]
}

/** The Gateways that this process serves, oldest first. */
export const servedGateways = (
  gateways: readonly Typed<GatewaySpec>[],
  { workload }: Settings,
): GatewayServers[] =>
  gateways
    .filter(({ value }) => !workload || hasLabels(workload.labels, value.selector ?? {}))
    .map(readGateway)

export const readGateway = ({ resource, value }: Typed<GatewaySpec>): GatewayServers => ({
  resource,
  selector: value.selector ?? {},
  servers: (value.servers ?? []).map((server, index) =>
    readServer(resource, ['spec', 'servers', index], server),
  ),
})

/**
 * Whether the server admits the VirtualService: a common host, from a namespace that it takes it
 * from.
 */
export const admits = ({ hosts }: Server, { hosts: wanted, namespace }: VirtualService): boolean =>
  wanted.some(host => hosts.overlapping(host).some(admitted => admitted === '*' || admitted === namespace))

/**
 * Sockets by bind address and port. `::` takes IPv4 too, as '' does: with SO_REUSEPORT both would
 * open, and the kernel would deal each connection to either.
 */
export const socketKey = (bind: string, port: number): string => `${bind === '::' ? '' : bind} ${port}`

/** Which servers share each socket, in order; servers that get none are reported. */
export function assignSockets(
  gateways: readonly GatewayServers[],
  findings: Findings,
): Map<string, Server[]> {
  const sockets = new Map<string, Server[]>()
  for (const server of gateways.flatMap(gateway => gateway.servers)) {
    const why = refusal(server)
    if (why) {
      findings.at('CFG402', server.resource, [...server.path, why.field], why.message)
      continue
    }
    const key = socketKey(server.bind, server.port)
    const sharers = sockets.get(key)
    if (!sharers) sockets.set(key, [server])
    else if (sharers[0].resource === server.resource) sharers.push(server)
    else reportTaken(server, sharers[0], findings)
  }
  return sockets
}

function readServer(resource: Resource, path: Path, { port, bind, hosts }: WrittenServer): Server {
  const index = new HostIndex<string>()
  for (const written of hosts) {
    const slash = written.indexOf('/')
    const namespace = slash < 0 ? '*' : written.slice(0, slash)
    index.add(written.slice(slash + 1), namespace === '.' ? resource.metadata.namespace : namespace)
  }
  const protocol = port.protocol
  return {
    resource,
    path,
    port: port.number,
    bind: plainAddress(bind ?? ''),
    protocol,
    isTcp: layerOf(protocol) === 'tcp',
    hosts: index,
  }
}

function refusal({ bind, protocol, isTcp }: Server): { field: string; message: string } | null {
  if (bind.startsWith('unix://'))
    return { field: 'bind', message: `the server is not served: ${quote(bind)} is a Unix socket` }
  if (!isTcp)
    return { field: 'port', message: `the server is not served: weir does not serve protocol ${protocol}` }
  return null
}

function reportTaken(server: Server, owner: Server, findings: Findings): void {
  const where = `${server.bind === '' ? '*' : server.bind}:${server.port}`
  findings.at(
    'IST0145',
    server.resource,
    server.path,
    `${where} belongs to ${owner.resource.title}, which is older; this server is not served`,
  )
}
