/** Mistakes between VirtualServices and their Gateways, mesh services and ports. */

import type { RuleOrigin } from '../../table/plan/plan.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Settings } from '../settings/settings.ts'
import type { HostHints } from './host-hints.ts'
import { gatewayId, MESH } from './names.ts'
import type { Registry } from './registry.ts'
import { admits, type GatewayServers, type Server } from './servers.ts'
import type { ReadMatch, VirtualService } from './virtual-services.ts'

type BindingInputs = {
  readonly settings: Settings
  readonly registry: Registry
  readonly hints: HostHints
  /** Every Gateway, served here or not, by 'namespace/name'. */
  readonly gateways: ReadonlyMap<string, GatewayServers>
  readonly findings: Findings
}

export function reportBindings(virtualService: VirtualService, inputs: BindingInputs): void {
  reportGateways(virtualService, inputs)
  const isMesh = virtualService.gateways.includes(MESH) && inputs.settings.mesh.capture !== 'none'
  if (isMesh) reportMeshHosts(virtualService, inputs)
  reportMatchGateways(virtualService, inputs.findings)
  reportPorts(virtualService, inputs)
}

function reportGateways(virtualService: VirtualService, { gateways, findings }: BindingInputs): void {
  const { resource, namespace, spec } = virtualService
  for (const [index, written] of (spec.gateways ?? []).entries()) {
    const id = gatewayId(written, namespace)
    if (id === MESH) continue
    const path = ['spec', 'gateways', index]
    const gateway = gateways.get(id)
    if (!gateway) {
      findings.at('IST0101', resource, path, `Referenced gateway not found: ${quote(written)} (${id})`)
    } else if (!gateway.servers.some(server => admits(server, virtualService))) {
      const hosts = (spec.hosts ?? []).join(', ')
      findings.at(
        'IST0132',
        resource,
        path,
        `no server of Gateway ${id} admits any of the hosts [${hosts}] from namespace ${namespace}`,
      )
    }
  }
}

function reportMeshHosts(
  { resource, hosts, spec, namespace }: VirtualService,
  { registry, hints, findings }: BindingInputs,
): void {
  for (const [index, host] of hosts.entries()) {
    const services = [...registry.overlapping(host)]
    const alias = services.find(each => each.aliasOf !== null)
    if (services.some(each => each.aliasOf === null)) continue
    const message = alias
      ? `${quote(host)} is an ExternalName, whose clients connect to ${quote(alias.aliasOf ?? '')}: the rules are never used for it`
      : `no service has the host ${quote(host)}: the rules are never used for it`
    const hint = alias ? undefined : hints.for(spec.hosts?.[index] ?? host, host, namespace)
    findings.at('CFG407', resource, ['spec', 'hosts', index], message, hint)
  }
}

/** Gateways that a message names. */
const NAMED_MAX = 20

function reportMatchGateways(
  { resource, namespace, gateways, spec }: VirtualService,
  findings: Findings,
): void {
  const known = new Set(gateways)
  const rest = gateways.length - NAMED_MAX
  const list = `${gateways.slice(0, NAMED_MAX).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
  for (const block of ['tcp', 'tls', 'http'] as const) {
    for (const [index, route] of (spec[block] ?? []).entries()) {
      for (const [at, { gateways: named }] of (route.match ?? []).entries())
        if (named?.length) reportOutside(named, ['spec', block, index, 'match', at, 'gateways'])
    }
  }
  function reportOutside(names: readonly string[], path: Path): void {
    for (const [index, written] of names.entries()) {
      if (known.has(gatewayId(written, namespace))) continue
      const message = `${quote(written)} is not among the gateways of the VirtualService [${list}], so it never matches`
      findings.at('CFG409', resource, [...path, index], message)
    }
  }
}

function reportPorts(virtualService: VirtualService, inputs: BindingInputs): void {
  const { blocks, spec } = virtualService
  const matches = [...(spec.tcp ? blocks.tcp : []), ...blocks.tls].flatMap(route => route.matches)
  for (const match of matches.filter(each => each.port !== 0)) {
    const listening = virtualService.gateways.filter(gateway => match.gateways?.includes(gateway) ?? true)
    if (listening.length === 0 || listening.some(gateway => mayOffer(virtualService, match, gateway, inputs)))
      continue
    const message = `port ${match.port} is offered by none of [${listening.join(', ')}]: the rule never matches`
    inputs.findings.at('CFG408', virtualService.resource, [...match.path, 'port'], message)
  }
}

/** Whether a listener can have the match's port; a missing Gateway has its own finding. */
function mayOffer(
  virtualService: VirtualService,
  { port, origin }: ReadMatch,
  gateway: string,
  inputs: BindingInputs,
): boolean {
  if (gateway !== MESH) {
    const servers =
      inputs.gateways.get(gateway)?.servers.filter(server => admits(server, virtualService)) ?? []
    return servers.length === 0 || servers.some(server => server.port === port && reads(server, origin.block))
  }
  const services = virtualService.hosts.flatMap(host => [...inputs.registry.overlapping(host)])
  return services.length === 0 || services.some(service => service.ports.some(each => each.number === port))
}

/** Whether that block of a VirtualService routes a server's connections. */
const reads = ({ carries, tlsRoutes }: Server, block: RuleOrigin['block']): boolean =>
  block === 'tls' ? carries === 'tls' || tlsRoutes : ['tcp', 'terminate', 'http'].includes(carries)
