/**
 * Which listeners read a PROXY header, by the Settings; and Istio annotations that ask for one
 * without trusted senders.
 *
 * Istio turns it on for all listeners of a pod and trusts every peer. weir requires a list of
 * senders: an address that anybody can claim is useless for routing and access control.
 */

import type { Listener, ReadsProxy } from '../../table/plan/plan.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Resource } from '../resource.ts'
import type { ProxySetting, Settings } from '../settings/settings.ts'
import type { Inputs } from './inputs.ts'
import { MESH } from './names.ts'
import type { GatewayServers } from './servers.ts'
import { hasLabels } from './workload.ts'

const ANNOTATION = 'proxy.istio.io/config'
/** ProxyConfig has this field in one place only: gatewayTopology. */
const ASKS = /\bproxyProtocol["']?\s*:/

/** Enough for any header that is on its way at all. */
const TIMEOUT_MS = 5_000

/** The listener with the PROXY settings of the first entry that matches it. */
export function withReading(
  listener: Listener,
  { reading, proxyProtocol }: Settings,
  document: Resource | null,
): Listener {
  const readTimeoutMs = reading.timeoutMs
  const index = proxyProtocol.findIndex(each => fits(each, listener))
  if (index < 0) return { ...listener, readTimeoutMs }
  const { gateways: _, ports: __, timeoutMs, ...rest } = proxyProtocol[index]
  const reads = { ...rest, timeoutMs: Math.min(timeoutMs ?? TIMEOUT_MS, readTimeoutMs) }
  return { ...listener, readTimeoutMs, proxyProtocol: { ...reads, ...placeOf(document, index) } }
}

function placeOf(document: Resource | null, index: number): Pick<ReadsProxy, 'at'> {
  if (document === null) return {}
  const { file, line } = document.locate(['spec', 'proxyProtocol', index])
  return { at: { file, line } }
}

const fits = ({ gateways, ports }: ProxySetting, { gateway, port }: Listener): boolean =>
  (gateways.length === 0 || gateways.includes(gateway)) && (ports.length === 0 || ports.includes(port))

type ProxyFindingInputs = {
  readonly settings: Settings
  /** The Settings document, if there is one. */
  readonly document: Resource | null
  readonly inputs: Inputs
  /** Every Gateway, served here or not. */
  readonly gateways: readonly GatewayServers[]
  readonly listeners: readonly Listener[]
  readonly findings: Findings
}

export function reportProxyProtocol(given: ProxyFindingInputs): void {
  const { settings, document } = given
  if (document)
    for (const [index, entry] of settings.proxyProtocol.entries()) reportEntry(entry, index, document, given)
  for (const { resource, gateways } of annotated(given)) {
    const listeners = given.listeners.filter(each => gateways.has(each.gateway))
    const silent = unread(listeners)
    if (silent.length === 0) continue
    const message = `${ANNOTATION} has no effect: no proxyProtocol of the Settings applies to ${silent.join(', ')}`
    given.findings.at('CFG420', resource, ['metadata', 'annotations', ANNOTATION], message)
  }
}

/** The Gateways whose listeners read no header; with ports if others read one. */
function unread(listeners: readonly Listener[]): string[] {
  const byGateway = Map.groupBy(listeners, each => each.gateway)
  return [...byGateway].flatMap(([gateway, own]) => {
    const ports = new Set(own.flatMap(each => (each.proxyProtocol ? [] : [each.port])))
    if (ports.size === 0) return []
    return own.some(each => each.proxyProtocol) ? `${gateway} on port ${[...ports].join(', ')}` : gateway
  })
}

function reportEntry(
  entry: ProxySetting,
  index: number,
  document: Resource,
  { settings, gateways, listeners, findings }: ProxyFindingInputs,
): void {
  const path: Path = ['spec', 'proxyProtocol', index]
  const known = new Set([MESH, ...gateways.map(each => each.resource.id)])
  const unknown = [...entry.gateways.entries()].filter(([, name]) => !known.has(name))
  for (const [at, name] of unknown)
    findings.at(
      'IST0101',
      document,
      [...path, 'gateways', at],
      `Referenced gateway not found: ${quote(name)}`,
    )
  const applies = listeners.some(each => settings.proxyProtocol.find(other => fits(other, each)) === entry)
  if (!applies && unknown.length === 0) {
    const earlier = listeners.some(each => fits(entry, each))
    const why = earlier
      ? 'earlier entries apply to all its listeners'
      : 'no listener has such a gateway and port'
    findings.at('CFG419', document, path, `proxyProtocol[${index}] is never used: ${why}`)
  }
  const { timeoutMs } = settings.reading
  if (entry.timeoutMs !== null && entry.timeoutMs > timeoutMs) {
    const message = `timeout is ${entry.timeoutMs / 1000}s, and reading.timeout ends it after ${timeoutMs / 1000}s`
    findings.at('CFG422', document, [...path, 'timeout'], message)
  }
  for (const [at, { bits, family }] of entry.from.entries()) {
    const message = `every IPv${family} address may send a PROXY header, and claim to be any client`
    if (bits === 0) findings.at('CFG421', document, [...path, 'from', at], message)
  }
}

/** Gateways that ask for headers, and Pods of Gateways, with the Gateways that they speak for. */
function annotated({ inputs, gateways }: ProxyFindingInputs) {
  const asks = ({ metadata }: Resource): boolean => ASKS.test(metadata.annotations[ANNOTATION] ?? '')
  const own = gateways
    .filter(each => asks(each.resource))
    .map(each => ({ resource: each.resource, gateways: new Set([each.resource.id]) }))
  const pods = inputs.pods
    .filter(each => asks(each.resource))
    .map(({ resource }) => ({ resource, gateways: gatewaysOf(resource, gateways) }))
  return [...own, ...pods.filter(each => each.gateways.size > 0)]
}

const gatewaysOf = ({ metadata }: Resource, gateways: readonly GatewayServers[]): Set<string> =>
  new Set(
    gateways
      .filter(({ selector }) => Object.keys(selector).length > 0 && hasLabels(metadata.labels, selector))
      .map(each => each.resource.id),
  )
