/**
 * `tcp` routes that apply to no port, because their services declare each possible port as HTTP or
 * TLS (CFG418).
 *
 * Only the port's protocol decides which block of a VirtualService applies, as in Istio.
 */

import type { Findings } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { MESH } from './names.ts'
import type { Registry } from './registry.ts'
import type { Service, ServicePort } from './service.ts'
import type { ReadMatch, VirtualService } from './virtual-services.ts'

type Candidate = { readonly service: Service; readonly port: ServicePort }

export function reportLayers(virtualService: VirtualService, registry: Registry, findings: Findings): void {
  const { gateways, hosts, spec, blocks, resource } = virtualService
  if (!gateways.includes(MESH) || !spec.tcp?.length) return
  const ports = hosts.flatMap(host =>
    [...registry.overlapping(host)].flatMap(service => service.ports.map(port => ({ service, port }))),
  )
  for (const [index, route] of blocks.tcp.entries()) {
    const candidates = route.matches.map(match => candidatesOf(match, virtualService, ports))
    const [first, ...others] = new Set(candidates.flatMap(each => each ?? []))
    if (!first || candidates.some(each => each === null || each.some(isTcp))) continue
    const { service, port } = first
    const more = others.length === 0 ? '' : `, and so are ${others.length} more`
    const message = `tcp[${index}] is never used: ${whyNotTcp(service, port)}${more}`
    findings.at('CFG418', resource, ['spec', 'tcp', index], message)
  }
}

const isTcp = ({ port }: Candidate): boolean => port.layer === 'tcp'

/** The ports of the mesh that a match could mean; null: it may mean a Gateway's. */
function candidatesOf(
  match: ReadMatch,
  { gateways }: VirtualService,
  ports: readonly Candidate[],
): Candidate[] | null {
  if (gateways.some(gateway => gateway !== MESH && (match.gateways?.includes(gateway) ?? true))) return null
  return ports.filter(({ port }) => match.port === 0 || match.port === port.number)
}

/** 'port 80 of "web.shop.svc.cluster.local" is HTTP by its name "http-web"'. */
export function whyNotTcp({ host }: Service, { resource, path, number, layer }: ServicePort): string {
  const { ports } = resource.value.spec as { ports: readonly Record<string, string | undefined>[] }
  const { name, appProtocol, protocol } = ports[Number(path.at(-1))]
  const by =
    resource.kind === 'ServiceEntry'
      ? `its protocol ${protocol}`
      : appProtocol
        ? `its appProtocol ${quote(appProtocol)}`
        : `its name ${quote(name ?? '')}`
  return `port ${number} of ${quote(host)} is ${layer.toUpperCase()} by ${by}`
}
