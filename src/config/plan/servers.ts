/**
 * Servers of Gateways: the VirtualServices that they admit, and the sockets that they get.
 *
 * TLS servers, also of several Gateways, share a socket and are told apart by server name. A plain
 * TCP server takes what is not TLS; the older of two Gateways gets it, and servers of one Gateway
 * share it (Istio silently ignores the second server).
 */

import type { Rule } from '../../table/plan/plan.ts'
import { plainName } from '../../table/plan/server-name.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'
import type { Settings } from '../settings/settings.ts'
import { HostIndex } from './host-patterns.ts'
import type { GatewaySpec, Labels, Typed } from './inputs.ts'
import { plainAddress } from './names.ts'
import { layerOf } from './protocol.ts'
import { starttlsPorts } from './starttls.ts'
import type { TlsServed } from './tls-served.ts'
import { terminates, type WrittenTls } from './tls-servers.ts'
import type { VirtualService } from './virtual-services.ts'
import { hasLabels } from './workload.ts'

type WrittenServer = NonNullable<GatewaySpec['servers']>[number]

export type Server = {
  /** Where it is written: a Gateway, or a ListenerSet of Gateway API. */
  readonly resource: Resource
  /** 'namespace/name' of its Gateway. */
  readonly gateway: string
  readonly path: Path
  readonly port: number
  /** '': every address. */
  readonly bind: string
  readonly protocol: string
  readonly carries: Carries
  /** For TLS: the server names that it takes, in lower case, each once; "*" is any. */
  readonly names: readonly string[]
  /** Clients of a TLS server may start TLS as PostgreSQL's do. */
  readonly starttls: boolean
  /** The settings of TLS that weir can terminate; null: none, or another kind. */
  readonly tls: WrittenTls | null
  /** Of Gateway API: where its first certificate is named; absent: a field of `tls`. */
  readonly credentialPath?: Path
  /** Behind termination, tls routes choose by the name that the client asked for. */
  readonly tlsRoutes: boolean
  /** For each host pattern the namespace whose VirtualServices it admits; '*' is any. */
  readonly hosts: HostIndex<string>
  /** Of Gateway API: the rules of its routes; absent: those of the VirtualServices it admits. */
  readonly rules?: () => Rule[]
}

/**
 * How a server treats its connections: `tcp` relays what is not TLS, `tls` relays TLS, `terminate`
 * terminates TLS and relays the content, `http` terminates HTTPS, and relays the content where a
 * tcp route asks for it. `nothing` is not planned at all.
 */
type Carries = 'tcp' | 'tls' | 'terminate' | 'http' | 'nothing'

export type GatewayServers = {
  readonly resource: Resource
  /** The workloads that serve it; none: all. */
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
 * Whether the server admits the VirtualService: a common host, from a namespace that it accepts.
 */
export const admits = ({ hosts }: Server, { hosts: wanted, namespace }: VirtualService): boolean =>
  wanted.some(host => hosts.overlapping(host).some(admitted => admitted === '*' || admitted === namespace))

/**
 * Sockets by bind address and port. `::` takes IPv4 too, as '' does: with SO_REUSEPORT both would
 * open, and the kernel would give each connection to either.
 */
export const socketKey = (bind: string, port: number): string => `${bind === '::' ? '' : bind} ${port}`

/**
 * The servers of one Gateway on one socket, by scope: the plain TCP ones share one, each other
 * server has its own.
 */
export function scopesBehind(servers: readonly Server[]): (readonly Server[])[] {
  const plain = servers.filter(each => each.carries === 'tcp')
  const named = servers.filter(each => each.carries !== 'tcp').map(each => [each])
  return plain.length === 0 ? named : [plain, ...named]
}

/** The servers that share each socket, in order; reports servers that get none. */
export function assignSockets(
  gateways: readonly GatewayServers[],
  served: TlsServed,
  findings: Findings,
): Map<string, Server[]> {
  const sockets = new Map<string, Server[]>()
  for (const server of gateways.flatMap(gateway => gateway.servers)) {
    const why = server.rules ? null : refusal(server, served)
    if (why) findings.at('CFG402', server.resource, [...server.path, why.field], why.message)
    if (server.bind.startsWith('unix://') || server.carries === 'nothing') continue
    const sharers = sockets.getOrInsertComputed(socketKey(server.bind, server.port), () => [])
    if (server.carries === 'tcp') addPlain(server, sharers, findings)
    else addNamed(server, sharers, findings)
  }
  for (const [key, sharers] of sockets) {
    if (sharers.length === 0) sockets.delete(key)
    reportSilent(sharers, findings)
  }
  return sockets
}

/** weir cannot tell a client that waits for its server's first words from a slow one. */
function reportSilent(sharers: readonly Server[], findings: Findings): void {
  const plain = sharers.find(each => each.carries === 'tcp')
  const named = sharers.find(each => each.names.length > 0)
  if (!plain || !named) return
  const message = `clients that wait for their server to speak first wait for reading.timeout at ${placeOf(plain)}, as ${named.resource.title} has TLS servers there`
  findings.at('CFG423', plain.resource, plain.path, message)
}

/** Only one Gateway gets what is not TLS. */
function addPlain(server: Server, sharers: Server[], findings: Findings): void {
  const owner = sharers.find(each => each.carries === 'tcp')
  if (!owner || owner.gateway === server.gateway) sharers.push(server)
  else reportTaken(server, owner, findings)
}

/** Each name belongs to one server: the first of the oldest Gateway. */
function addNamed(server: Server, sharers: Server[], findings: Findings): void {
  const owners = sharers.filter(each => each.names.some(name => server.names.includes(name)))
  const names = server.names.filter(name => !owners.some(each => each.names.includes(name)))
  if (names.length > 0) sharers.push({ ...server, names })
  if (owners.length === 0) return
  const taken = server.names.filter(name => !names.includes(name))
  const where = `[${taken.join(', ')}] at ${placeOf(server)}`
  const what = names.length > 0 ? 'serves its other hosts only' : 'is not served'
  const message = `${where} belongs to ${owners[0].resource.title}, which is older; this server ${what}`
  findings.at('IST0145', server.resource, server.path, message)
}

function readServer(resource: Resource, path: Path, { port, bind, hosts, tls }: WrittenServer): Server {
  const index = new HostIndex<string>()
  for (const written of hosts) {
    const slash = written.indexOf('/')
    const namespace = slash < 0 ? '*' : written.slice(0, slash)
    index.add(written.slice(slash + 1), namespace === '.' ? resource.metadata.namespace : namespace)
  }
  const protocol = port.protocol
  const carries = carriesOf(protocol, tls?.mode ?? PASSTHROUGH)
  const asked = hosts.map(written => plainName(written.slice(written.indexOf('/') + 1)))
  return {
    resource,
    gateway: resource.id,
    path,
    port: port.number,
    bind: plainAddress(bind ?? ''),
    protocol,
    carries,
    names: carries === 'tcp' || carries === 'nothing' ? [] : [...new Set(asked)],
    starttls:
      ['tls', 'terminate'].includes(carries) && starttlsPorts(resource.metadata.annotations).has(port.number),
    tls: (carries === 'terminate' || carries === 'http') && tls && terminates(tls.mode) ? tls : null,
    tlsRoutes: carries === 'terminate' && resource.metadata.annotations[TLS_ROUTES] === TERMINATED,
    hosts: index,
  }
}

const PASSTHROUGH = 'PASSTHROUGH'

/** The annotation of a Gateway whose tls routes apply behind termination, too. */
export const TLS_ROUTES = 'gateway.weir/tls-routes'
export const TERMINATED = 'terminated'

function carriesOf(protocol: string, mode: string): Carries {
  const layer = layerOf(protocol)
  if (layer === 'tcp') return 'tcp'
  if (layer !== 'tls' || mode === 'AUTO_PASSTHROUGH') return 'nothing'
  if (mode === PASSTHROUGH) return 'tls'
  return protocol.toUpperCase() === 'HTTPS' ? 'http' : 'terminate'
}

/** Why a server is not served; if it is planned nevertheless, it claims its names. */
function refusal(
  { bind, protocol, carries, tls }: Server,
  { servers }: TlsServed,
): { field: string; message: string } | null {
  const no = 'the server is not served'
  if (bind.startsWith('unix://')) return { field: 'bind', message: `${no}: ${quote(bind)} is a Unix socket` }
  if (carries === 'terminate' || carries === 'http') {
    if (!servers)
      return {
        field: 'tls',
        message: `${no}: weir does not terminate TLS; of TLS it serves mode PASSTHROUGH`,
      }
    const message = `${no}: mode ISTIO_MUTUAL needs certificates of the mesh, which weir does not have`
    return tls === null ? { field: 'tls', message } : null
  }
  if (carries !== 'nothing') return null
  if (layerOf(protocol) === 'tls')
    return { field: 'tls', message: `${no}: weir does not serve mode AUTO_PASSTHROUGH` }
  return { field: 'port', message: `${no}: weir does not serve protocol ${protocol}` }
}

function reportTaken(server: Server, owner: Server, findings: Findings): void {
  const where = placeOf(server)
  findings.at(
    'IST0145',
    server.resource,
    server.path,
    `${where} belongs to ${owner.resource.title}, which is older; this server is not served`,
  )
}

const placeOf = ({ bind, port }: Server): string => `${bind === '' ? '*' : bind}:${port}`
