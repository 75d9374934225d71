/**
 * The third stage: from valid resources to the Plan, with findings across resources.
 *
 * Pure: the caller passes resolved DNS names, as far as they are known; `Cluster.names` lists the
 * ones to resolve. It refuses nothing: the rest of the Plan stays valid whatever a finding is
 * about.
 */

import type { Plan } from '../../table/plan/plan.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { reportGatewayApi } from '../gateway-api/findings.ts'
import type { GatewayApi } from '../gateway-api/model.ts'
import { resolveGatewayApi } from '../gateway-api/resolve.ts'
import { apiServers } from '../gateway-api/servers.ts'
import type { Resource } from '../resource.ts'
import type { Settings } from '../settings/settings.ts'
import { isFromApi } from '../text/read-objects.ts'
import { withPolicies } from './access-policies.ts'
import { reportBindings } from './binding-findings.ts'
import { sourcesOf } from './clients.ts'
import { Clusters } from './clusters.ts'
import { connectPolicyOf } from './connect-policy.ts'
import { type Credential, Credentials } from './credentials.ts'
import { reportDestinations } from './destination-findings.ts'
import { DestinationRules } from './destination-rules.ts'
import { reportEjections } from './ejection-findings.ts'
import { reportGateways } from './gateway-findings.ts'
import { gatewayListeners } from './gateways.ts'
import { reportHashTables } from './hash-findings.ts'
import { HostHints } from './host-hints.ts'
import { type DestinationRuleSpec, type Inputs, readInputs, type Typed } from './inputs.ts'
import { reportLayers } from './layer-findings.ts'
import { type Live, liveOf } from './live-clusters.ts'
import { reportNodeless, reportUnplaced } from './locality-findings.ts'
import { meshListeners } from './mesh.ts'
import { reportSharedHosts } from './mesh-host-findings.ts'
import { ON_REMOVE } from './on-remove.ts'
import { reportPeerAuthentications } from './peer-authentications.ts'
import { PlanMemory } from './plan-memory.ts'
import { hereOf } from './priorities.ts'
import { reportProxyProtocol, withReading } from './proxy-protocol.ts'
import { reportProxyTlvs } from './proxy-tlvs.ts'
import { Registry } from './registry.ts'
import { removalsOf } from './removals.ts'
import { assignSockets, type GatewayServers, readGateway, type Server, servedGateways } from './servers.ts'
import { reportDestinationRule, reportEndpoints } from './service-findings.ts'
import { withSettingsChecks } from './settings-checks.ts'
import { withSourceLimits } from './source-limits.ts'
import { withTcpTimes } from './tcp-times.ts'
import { reportLayeredTls } from './tls-findings.ts'
import { TLS_SERVED, type TlsServed } from './tls-served.ts'
import { TlsUpstreams } from './tls-upstreams.ts'
import { VirtualService } from './virtual-services.ts'
import { Workloads } from './workloads.ts'

/** The Plan, and the resources behind it, for lint/. */
export type Planned = {
  readonly plan: Plan
  readonly settings: Settings
  readonly registry: Registry
  readonly virtualServices: readonly VirtualService[]
  readonly destinationRules: readonly Typed<DestinationRuleSpec>[]
  /** Every Gateway of Istio's, served here or not. */
  readonly gateways: readonly GatewayServers[]
  /** What the resources of Gateway API come to. */
  readonly gatewayApi: GatewayApi
  /** The servers behind each socket (servers.ts, socketKey). */
  readonly sockets: ReadonlyMap<string, readonly Server[]>
  /** The certificates that rows of the Plan name. */
  readonly credentials: readonly Credential[]
  readonly live: Live
}

export function toPlan(
  resources: readonly Resource[],
  settings: Settings,
  names: ReadonlyMap<string, readonly string[]>,
  findings: Findings,
  served: TlsServed = TLS_SERVED,
  memory = new PlanMemory(),
): Planned {
  const inputs = readInputs(resources)
  const workloads = new Workloads(inputs, findings)
  const registry = new Registry(inputs, workloads, findings)
  const document = resources.find(isSettings) ?? null
  const connect = connectPolicyOf(settings, document)
  const rules = new DestinationRules(inputs.destinationRules, settings, connect, findings)
  const virtualServices = inputs.virtualServices.map(
    each => new VirtualService(each, memory.of(each.resource)),
  )
  const credentials = new Credentials(findings)
  const upstreams = new TlsUpstreams({ places: rules.places, settings, credentials, findings, served })
  const clusters = new Clusters(registry, rules, names, upstreams, hereOf(settings))
  const gateways = inputs.gateways.map(readGateway)
  const hints = new HostHints(registry)
  const findingInputs = {
    settings,
    registry,
    rules,
    findings,
    gateways: gatewaysById(gateways),
    hints,
  }
  for (const service of registry.services) reportEndpoints(service, registry, findings)
  for (const rule of inputs.destinationRules) reportDestinationRule(rule, registry, hints, findings)
  reportProxyTlvs(inputs.destinationRules, findings)
  const around = memory.surroundings(
    settings,
    resources.filter(each => !isVirtualService(each)),
  )
  for (const virtualService of virtualServices) {
    if (virtualService.kept.soundIn === around) continue
    const { found } = findings
    reportDestinations(virtualService, findingInputs)
    reportBindings(virtualService, findingInputs)
    if (settings.mesh.capture !== 'none') reportLayers(virtualService, registry, findings)
    virtualService.kept.soundIn = findings.found === found ? around : null
  }
  if (settings.mesh.capture !== 'none') reportSharedHosts(virtualServices, findings)
  const istio = servedGateways(inputs.gateways, settings)
  const resolved = resolveGatewayApi(resources, { registry, istio })
  const api = apiServers(resolved.api, { ...resolved, credentials, clusters })
  const sockets = assignSockets([...istio, ...api], served, findings)
  reportGateways(inputs, findings)
  reportGatewayApi(resolved, gateways, findings)
  const all = [...gateways, ...api]
  const listeners = [
    ...gatewayListeners(sockets, { virtualServices, settings, clusters, credentials, findings, served }),
    ...meshListeners({ settings, registry, virtualServices, clusters, findings }, sockets),
  ].map(each => withTcpTimes(withReading(each, settings, document), settings, gatewaysById(all)))
  reportProxyProtocol({ settings, document, inputs, gateways: all, listeners, findings })
  const guarded = withPolicies(listeners, {
    settings,
    policies: inputs.authorizationPolicies,
    gateways: all,
    findings,
  })
  reportLayeredTls({ listeners, routes: clusters.routes, clusters: clusters.list }, upstreams, findings)
  reportEjections(clusters.ejecting, rules.places, findings)
  reportUnplaced(clusters.unplaced, rules.places, findings)
  reportNodeless(clusters.nodeless, findings)
  reportHashTables(clusters.hashing, rules.places, findings)
  reportPeerAuthentications(inputs.peerAuthentications, workloads, clusters.list, findings)
  const limited = withSourceLimits(guarded.listeners, settings, all)
  const removals = inputs.destinationRules.some(isOnRemove) ? removalsOf(registry, rules, clusters.list) : []
  return {
    plan: {
      listeners: limited.listeners,
      routes: clusters.routes,
      clusters: withSettingsChecks(clusters.list, { ...findingInputs, document }),
      sources: sourcesOf(settings, workloads, findings),
      ...(guarded.policies.length > 0 && { policies: guarded.policies }),
      ...(limited.limits.length > 0 && { limits: limited.limits }),
      ...(removals.length > 0 && { removals }),
    },
    settings,
    registry,
    virtualServices,
    destinationRules: inputs.destinationRules,
    gateways,
    gatewayApi: resolved.api,
    sockets,
    credentials: credentials.list,
    live: liveOf(registry.services, clusters.live, settings.mesh.capture !== 'none', removals, {
      selectsPods: selectsPods(inputs),
      filesHaveWorkloads: filesHaveWorkloads(inputs),
    }),
  }
}

/** Endpoints of a Service of the API are derived by the cluster, and not by its selector. */
const selectsPods = ({ serviceEntries, services }: Inputs): boolean =>
  serviceEntries.some(each => each.value.workloadSelector !== undefined) ||
  services.some(each => !isFromApi(each.resource) && each.value.selector !== undefined)

const filesHaveWorkloads = ({ pods, workloadEntries }: Inputs): boolean =>
  [...pods, ...workloadEntries].some(each => !isFromApi(each.resource))

const isOnRemove = ({ resource }: Typed<DestinationRuleSpec>): boolean =>
  resource.metadata.annotations[ON_REMOVE] !== undefined

const isVirtualService = ({ kind }: Resource): boolean => kind === 'VirtualService'

const isSettings = ({ kind, apiVersion }: Resource): boolean =>
  kind === 'Settings' && apiVersion.startsWith('gateway.weir/')

const gatewaysById = (gateways: readonly GatewayServers[]) =>
  new Map(gateways.map(each => [each.resource.id, each]))
