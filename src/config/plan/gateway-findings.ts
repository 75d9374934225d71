/**
 * istioctl's findings on Gateways that weir serves differently: two that claim a port for the same
 * hosts (IST0145), and a port that the Service of the gateway's Pods does not have (IST0162).
 *
 * The rules are those of pkg/config/analysis/analyzers/gateway, conflictinggateway.go and
 * gateway.go.
 */

import type { Findings } from '../findings/diagnostic.ts'
import type { GatewaySpec, Inputs, Labels, Pod, ServiceSpec, Typed } from './inputs.ts'
import { layerOf } from './protocol.ts'
import { hasLabels } from './workload.ts'

type Gateway = Typed<GatewaySpec>
type Server = NonNullable<GatewaySpec['servers']>[number]

export function reportGateways({ gateways, pods, services }: Inputs, findings: Findings): void {
  reportConflicts(gateways, pods, findings)
  for (const gateway of gateways) reportPorts(gateway, pods, services, findings)
}

/** A server and what it claims: its port, and each host as written with its bind address. */
type Claim = { readonly gateway: Gateway; readonly index: number; readonly server: Server }

function reportConflicts(gateways: readonly Gateway[], pods: Inputs['pods'], findings: Findings): void {
  const claims = gateways.flatMap(gateway =>
    (gateway.value.servers ?? []).map((server, index): Claim => ({ gateway, index, server })),
  )
  const byClaim = new Map<string, Claim[]>()
  for (const claim of claims) {
    for (const key of keysOf(claim)) byClaim.getOrInsertComputed(key, () => []).push(claim)
  }
  for (const claim of claims) {
    const { gateway, index, server } = claim
    const path = ['spec', 'servers', index]
    if (findings.has('IST0145', gateway.resource, path)) continue // reported as the one without the socket
    const rivals = new Set(
      keysOf(claim)
        .flatMap(key => byClaim.get(key) ?? [])
        .map(each => each.gateway),
    )
    const others = [...rivals].filter(each => each !== gateway && selectSame(gateway, each, pods))
    if (others.length === 0) continue
    const names = others
      .map(each => each.resource.title)
      .toSorted()
      .join(', ')
    const message = `port ${server.port.number} for the hosts [${server.hosts.join(', ')}] is also claimed by ${names}`
    findings.at('IST0145', gateway.resource, path, message)
  }
}

const keysOf = ({ server }: Claim): string[] =>
  server.hosts.map(host => `${server.port.number} ${server.bind ?? ''} ${host}`)

/**
 * Whether two Gateways select the same Pods: equal selectors, or one a part of the other and a Pod
 * for both.
 */
function selectSame(left: Gateway, right: Gateway, pods: readonly Typed<Pod>[]): boolean {
  const [one, two] = [left.value.selector ?? {}, right.value.selector ?? {}]
  if (!hasLabels(one, two) && !hasLabels(two, one)) return false
  const both = { ...one, ...two }
  return (
    Object.keys(one).length === Object.keys(two).length ||
    pods.some(({ resource }) => hasLabels(resource.metadata.labels, both))
  )
}

/**
 * With a selector, Pods for it and a Service for those Pods; otherwise the gateway's Service is
 * unknown.
 */
function reportPorts(
  { resource, value }: Gateway,
  pods: readonly Typed<Pod>[],
  services: readonly Typed<ServiceSpec>[],
  findings: Findings,
): void {
  const selector = value.selector ?? {}
  if (Object.keys(selector).length === 0) return
  const own = pods.filter(pod => hasLabels(pod.resource.metadata.labels, selector))
  const before = own.length === 0 ? [] : services.filter(service => own.some(pod => selects(service, pod)))
  if (before.length === 0) return
  const offered = new Set(before.flatMap(service => (service.value.ports ?? []).flatMap(portsOf)))
  const [first, ...others] = before.map(each => each.resource.title)
  const which = others.length === 0 ? first : `${first} and ${others.length} more`
  for (const [index, { port }] of (value.servers ?? []).entries()) {
    if (offered.has(port.number)) continue
    const message = `port ${port.number} is not a port of ${which}, through which clients reach the Pods (${textOf(selector)})`
    findings.at('IST0162', resource, ['spec', 'servers', index, 'port', 'number'], message)
  }
}

function selects({ resource, value }: Typed<ServiceSpec>, pod: Typed<Pod>): boolean {
  const selector = value.selector ?? {}
  return (
    Object.keys(selector).length > 0 &&
    resource.metadata.namespace === pod.resource.metadata.namespace &&
    hasLabels(pod.resource.metadata.labels, selector)
  )
}

/** A Gateway listens at the target port, but authors often write the Service's port. */
function portsOf({ port, protocol, targetPort }: NonNullable<ServiceSpec['ports']>[number]): number[] {
  if (layerOf(protocol) === 'udp') return []
  return typeof targetPort === 'number' ? [port, targetPort] : [port]
}

const textOf = (labels: Labels): string =>
  Object.entries(labels)
    .map(pair => pair.join('='))
    .join(', ')
