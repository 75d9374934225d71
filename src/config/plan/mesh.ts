/**
 * The mesh: every port of every service, as Scopes of mesh listeners.
 *
 * weir takes the place of the client's sidecar: a connection to a service's address and port
 * follows the VirtualServices of that service, else goes to the service itself. The client, and so
 * which VirtualServices it sees, is known only when it connects.
 */

import type { Listener } from '../../table/plan/plan.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { type Exposed, exposePorts } from './exposed-ports.ts'
import { MeshScopes, type ScopeInputs } from './mesh-scopes.ts'
import { MESH, plainAddress } from './names.ts'
import type { Registry } from './registry.ts'
import { type Server, socketKey } from './servers.ts'

type MeshInputs = ScopeInputs & { readonly registry: Registry; readonly findings: Findings }

export function meshListeners(
  inputs: MeshInputs,
  sockets: ReadonlyMap<string, readonly Server[]>,
): Listener[] {
  const { settings, findings } = inputs
  const { capture, port: redirectPort } = settings.mesh
  if (capture === 'none') return []
  const meshScopes = new MeshScopes(inputs)
  const exposed = exposePorts(inputs.registry.services, settings, findings)
  const byListener = Map.groupBy(exposed, each => (capture === 'redirect' ? redirectPort : each.number))
  if (capture === 'redirect' && !byListener.has(redirectPort)) byListener.set(redirectPort, [])
  const bind = plainAddress(settings.mesh.bind)
  return [...byListener].map(([port, ports]): Listener => {
    const owner = sockets.get(socketKey(bind, port))?.[0]
    if (owner) reportCovered(port, ports, owner, findings)
    const scopes = ports.flatMap(each => meshScopes.of(each))
    const destination = capture === 'redirect' ? 'original' : 'local'
    const otherwise = settings.mesh.outbound === 'ALLOW_ANY' ? 'passthrough' : 'deny'
    const asksNames = scopes.some(({ rules }) => rules.some(rule => rule.names !== undefined))
    const reads = asksNames ? ({ reads: 'tls' } as const) : {}
    return { gateway: MESH, bind, port, opens: !owner, destination, scopes, otherwise, ...reads }
  })
}

function reportCovered(port: number, ports: readonly Exposed[], owner: Server, findings: Findings): void {
  const message = `mesh port ${port} is not opened: ${owner.resource.title} uses that socket`
  const first = ports[0]?.owners[0].port
  if (first) findings.at('CFG406', first.resource, first.path, message)
  else findings.at('CFG406', owner.resource, owner.path, message)
}
