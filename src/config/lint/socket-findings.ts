/** Reports listeners that claim the same socket, or a port that this process may not open. */

import { formatEndpoint, parseAddress } from '../../address/address.ts'
import type { Listener } from '../../table/plan/plan.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { plainAddress } from '../plan/names.ts'
import { listedPort } from '../plan/registry.ts'
import { socketKey } from '../plan/servers.ts'
import type { Planned } from '../plan/to-plan.ts'
import type { Resource } from '../resource.ts'

type Spot = { readonly resource: Resource; readonly path: Path }

export function reportSockets(
  planned: Planned,
  settings: Resource | null,
  openPortsFrom: number,
  notes: boolean,
  findings: Findings,
): void {
  const opening = planned.plan.listeners.filter(listener => listener.opens)
  for (const listener of opening) {
    const spot = spotOf(listener, planned, settings)
    if (!spot) continue
    reportAdmin(listener, planned, spot, findings)
    if (listener.port < openPortsFrom) {
      const message = `port ${listener.port} needs a permission that this process lacks: without it, ports begin at ${openPortsFrom}`
      findings.at('CFG481', spot.resource, spot.path, message)
    }
  }
  if (notes) reportNarrower(opening, planned, settings, findings)
}

/** The place of a listener's port: at a server, a service's port, or the Settings. */
function spotOf(
  { gateway, bind, port, scopes, destination }: Listener,
  { sockets, registry }: Planned,
  settings: Resource | null,
): Spot | null {
  const server = sockets.get(socketKey(bind, port))?.find(each => each.gateway === gateway)
  if (server) return { resource: server.resource, path: [...server.path, 'port', 'number'] }
  if (destination === 'original') return settings && { resource: settings, path: ['spec', 'mesh', 'port'] }
  const service = scopes.length === 0 ? null : registry.find(scopes[0].host, null)
  const written = service ? listedPort(service, port) : undefined
  return service && written ? { resource: service.resource, path: written.path } : null
}

function reportAdmin(listener: Listener, { settings }: Planned, spot: Spot, findings: Findings): void {
  const { admin } = settings
  if (!admin || admin.port !== listener.port) return
  const address = plainAddress(admin.address)
  if (!meet(address, listener.bind)) return
  const where = formatEndpoint(address || '*', admin.port)
  const message = `the admin listener uses ${where}: ${nameOf(listener)} cannot open`
  findings.at('CFG464', spot.resource, spot.path, message)
}

/** The kernel gives a connection to the socket that is bound to its exact address. */
function reportNarrower(
  opening: readonly Listener[],
  planned: Planned,
  settings: Resource | null,
  findings: Findings,
): void {
  for (const listeners of Map.groupBy(opening, each => each.port).values()) {
    for (const wide of listeners.filter(each => widthOf(each.bind) > 0)) {
      const narrower = listeners.filter(
        each => widthOf(each.bind) < widthOf(wide.bind) && meet(each.bind, wide.bind),
      )
      const spot = narrower.length > 0 && spotOf(wide, planned, settings)
      if (!spot) continue
      const message = `${narrower.map(nameOf).join(', ')} takes the connections to its address, before ${nameOf(wide)}`
      findings.at('CFG465', spot.resource, spot.path, message)
    }
  }
}

/** 2 is every address of both families, 1 every IPv4 address, 0 one address. */
const widthOf = (bind: string): number => (bind === '' || bind === '::' ? 2 : bind === '0.0.0.0' ? 1 : 0)

/** Whether two sockets share an address. */
function meet(left: string, right: string): boolean {
  const [narrow, wide] = widthOf(left) < widthOf(right) ? [left, right] : [right, left]
  if (narrow === wide || widthOf(wide) === 2) return true
  return widthOf(wide) === 1 && parseAddress(narrow)?.family === 4
}

const nameOf = ({ gateway, bind, port }: Listener): string =>
  `${gateway === 'mesh' ? 'the mesh' : `Gateway ${gateway}`} at ${formatEndpoint(bind || '*', port)}`
