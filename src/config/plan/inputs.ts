/**
 * The resources by kind, typed and oldest first.
 *
 * Validation has refused wrong shapes, so the types can be trusted here. Most of Istio's types come
 * from its CRD schemas; other kinds list only the fields that weir reads.
 */

import type {
  IGateway,
  IServiceEntry,
  IVirtualService,
  IWorkloadEntry,
} from '@kubernetes-models/istio/networking.istio.io/v1'
import type { Resource } from '../resource.ts'
import { byAge } from './visibility.ts'

/** A resource and its value, read as its kind. */
export type Typed<Value> = { readonly resource: Resource; readonly value: Value }

/** The same where the value is looked up when it is asked for. */
class Looked<Value> implements Typed<Value> {
  readonly resource: Resource
  readonly #read: (resource: Resource) => Value

  constructor(resource: Resource, read: (resource: Resource) => Value) {
    this.resource = resource
    this.#read = read
  }

  get value(): Value {
    return this.#read(this.resource)
  }
}

export type GatewaySpec = NonNullable<IGateway['spec']>
export type ServiceEntrySpec = IServiceEntry['spec']
export type VirtualServiceSpec = NonNullable<IVirtualService['spec']>
export type WorkloadEntrySpec = IWorkloadEntry['spec']

export type Labels = Readonly<Record<string, string>>

/**
 * The layer-4 part of a traffic policy; the schema's own type has more variants than the compiler
 * takes.
 */
type ConnectionPool = {
  readonly tcp?: {
    readonly maxConnections?: number
    readonly connectTimeout?: string
    readonly idleTimeout?: string
    readonly maxConnectionDuration?: string
    readonly tcpKeepalive?: { readonly probes?: number; readonly time?: string; readonly interval?: string }
  }
}

type OutlierDetection = {
  readonly splitExternalLocalOriginErrors?: boolean
  readonly consecutiveLocalOriginFailures?: number
  readonly consecutiveGatewayErrors?: number
  readonly consecutive5xxErrors?: number
  readonly interval?: string
  readonly baseEjectionTime?: string
  readonly maxEjectionPercent?: number
  readonly minHealthPercent?: number
}

type LoadBalancer = {
  readonly simple?: string
  readonly warmup?: {
    readonly duration?: string
    readonly minimumPercent?: number
    readonly aggression?: number
  } | null
  readonly warmupDurationSecs?: string
  readonly localityLbSetting?: LocalityLbSetting | null
  readonly consistentHash?: {
    readonly useSourceIp?: boolean
    readonly minimumRingSize?: number
    readonly ringHash?: { readonly minimumRingSize?: number } | null
    readonly maglev?: { readonly tableSize?: number } | null
  } | null
}

/** Which localities get how much, or which endpoints come first. */
export type LocalityLbSetting = {
  readonly enabled?: boolean
  readonly distribute?: readonly { readonly from?: string; readonly to?: Readonly<Record<string, number>> }[]
  readonly failover?: readonly { readonly from?: string; readonly to?: string }[]
  readonly failoverPriority?: readonly string[]
}

/** TLS to a destination. */
export type ClientTls = {
  readonly mode?: string
  readonly clientCertificate?: string
  readonly privateKey?: string
  readonly caCertificates?: string
  readonly caCrl?: string
  readonly credentialName?: string
  readonly subjectAltNames?: readonly string[]
  readonly sni?: string
  readonly insecureSkipVerify?: boolean
}

export type PolicyBlocks = {
  readonly connectionPool?: ConnectionPool | undefined
  readonly loadBalancer?: LoadBalancer | undefined
  readonly outlierDetection?: OutlierDetection | null | undefined
  readonly tls?: ClientTls | null | undefined
}

export type ProxyProtocol = { readonly version?: string }

export type TrafficPolicy = PolicyBlocks & {
  readonly proxyProtocol?: ProxyProtocol | null | undefined
  readonly portLevelSettings?: readonly (PolicyBlocks & { readonly port?: { readonly number?: number } })[]
}

export type Subset = {
  readonly name: string
  readonly labels?: Labels
  readonly trafficPolicy?: TrafficPolicy
}

export type DestinationRuleSpec = {
  readonly host: string
  readonly exportTo?: readonly string[]
  readonly subsets?: readonly Subset[]
  readonly trafficPolicy?: TrafficPolicy
  readonly workloadSelector?: { readonly matchLabels?: Labels }
}

export type ServiceSpec = {
  readonly type?: string
  readonly clusterIP?: string
  readonly clusterIPs?: readonly string[]
  readonly ipFamilies?: readonly string[]
  readonly ipFamilyPolicy?: string
  readonly externalIPs?: readonly string[]
  readonly publishNotReadyAddresses?: boolean
  readonly externalName?: string
  readonly trafficDistribution?: string
  readonly internalTrafficPolicy?: string
  readonly selector?: Labels
  readonly ports?: readonly {
    readonly name?: string
    readonly port: number
    readonly protocol?: string
    readonly appProtocol?: string
    readonly targetPort?: number | string
  }[]
}

export type ServiceStatus = {
  readonly loadBalancer?: {
    readonly ingress?: readonly { readonly ip?: string; readonly ipMode?: string }[]
  }
}

/** The part of a ServiceEntry that istiod writes: the addresses that it assigned to hosts. */
export type ServiceEntryStatus = {
  readonly addresses?: readonly { readonly host?: string; readonly value?: string }[]
}

export type Condition = { readonly type: string; readonly status: string }

export type ObjectReference = { readonly kind?: string; readonly name?: string }
type Located = { readonly ip: string; readonly nodeName?: string; readonly targetRef?: ObjectReference }

type EndpointPort = {
  readonly name?: string | null
  readonly port?: number | null
  readonly protocol?: string | null
}

export type EndpointSlice = {
  readonly addressType?: string
  readonly endpoints?: readonly {
    readonly addresses?: readonly string[]
    readonly conditions?: {
      readonly ready?: boolean | null
      readonly serving?: boolean | null
      readonly terminating?: boolean | null
    }
    readonly targetRef?: ObjectReference
    readonly nodeName?: string | null
    readonly zone?: string | null
    readonly hints?: { readonly forZones?: readonly { readonly name: string }[] } | null
  }[]
  readonly ports?: readonly EndpointPort[]
}

export type Endpoints = {
  readonly subsets?: readonly {
    readonly addresses?: readonly Located[]
    readonly ports?: readonly EndpointPort[]
  }[]
}

export type Container = {
  readonly restartPolicy?: string
  readonly ports?: readonly {
    readonly name?: string
    readonly containerPort: number
    readonly protocol?: string
  }[]
}

export type Pod = {
  readonly metadata?: { readonly deletionTimestamp?: string }
  readonly spec?: {
    readonly serviceAccountName?: string
    readonly nodeName?: string
    readonly hostNetwork?: boolean
    readonly containers?: readonly Container[]
    readonly initContainers?: readonly Container[]
  }
  readonly status?: {
    readonly phase?: string
    readonly podIP?: string
    readonly podIPs?: readonly { readonly ip: string }[]
    readonly conditions?: readonly Condition[]
  }
}

type Target = { readonly group?: string; readonly kind?: string; readonly name?: string }

type Lists = Readonly<Partial<Record<string, readonly string[]>>>

export type AuthorizationPolicySpec = {
  readonly action?: string
  readonly provider?: { readonly name?: string }
  readonly selector?: { readonly matchLabels?: Labels }
  readonly targetRef?: Target
  readonly targetRefs?: readonly Target[]
  readonly rules?: readonly {
    readonly from?: readonly { readonly source?: Lists }[]
    readonly to?: readonly { readonly operation?: Lists }[]
    readonly when?: readonly {
      readonly key: string
      readonly values?: readonly string[]
      readonly notValues?: readonly string[]
    }[]
  }[]
}

type MutualTls = { readonly mode?: string }

export type PeerAuthenticationSpec = {
  readonly selector?: { readonly matchLabels?: Labels }
  readonly mtls?: MutualTls
  readonly portLevelMtls?: Readonly<Record<string, MutualTls>>
}

export type Inputs = {
  readonly virtualServices: readonly Typed<VirtualServiceSpec>[]
  readonly destinationRules: readonly Typed<DestinationRuleSpec>[]
  readonly gateways: readonly Typed<GatewaySpec>[]
  readonly serviceEntries: readonly Typed<ServiceEntrySpec>[]
  readonly workloadEntries: readonly Typed<WorkloadEntrySpec>[]
  readonly services: readonly Typed<ServiceSpec>[]
  readonly endpointSlices: readonly Typed<EndpointSlice>[]
  readonly endpoints: readonly Typed<Endpoints>[]
  readonly pods: readonly Typed<Pod>[]
  readonly nodes: readonly Typed<object>[]
  readonly authorizationPolicies: readonly Typed<AuthorizationPolicySpec>[]
  readonly peerAuthentications: readonly Typed<PeerAuthenticationSpec>[]
}

const ISTIO = 'networking.istio.io'
const SECURITY = 'security.istio.io'
const DISCOVERY = 'discovery.k8s.io'
const CORE = ''

export function readInputs(resources: readonly Resource[]): Inputs {
  const byKind = Map.groupBy(resources, each => `${groupOf(each.apiVersion)}/${each.kind}`)
  const ofKind = (group: string, kind: string): Resource[] =>
    (byKind.get(`${group}/${kind}`) ?? []).toSorted(byAge)
  const whole = <Value>(group: string, kind: string): Typed<Value>[] =>
    ofKind(group, kind).map(each => new Looked(each, ({ value }) => value as Value))
  const spec = <Value>(group: string, kind: string): Typed<Value>[] =>
    ofKind(group, kind).map(each => new Looked(each, ({ value }) => (value.spec ?? {}) as Value))
  return {
    virtualServices: spec(ISTIO, 'VirtualService'),
    destinationRules: spec(ISTIO, 'DestinationRule'),
    gateways: spec(ISTIO, 'Gateway'),
    serviceEntries: spec(ISTIO, 'ServiceEntry'),
    workloadEntries: spec(ISTIO, 'WorkloadEntry'),
    services: spec(CORE, 'Service'),
    endpointSlices: whole(DISCOVERY, 'EndpointSlice'),
    endpoints: whole(CORE, 'Endpoints'),
    pods: whole(CORE, 'Pod'),
    nodes: whole(CORE, 'Node'),
    authorizationPolicies: spec(SECURITY, 'AuthorizationPolicy'),
    peerAuthentications: spec(SECURITY, 'PeerAuthentication'),
  }
}

/** "networking.istio.io/v1" → "networking.istio.io"; "v1" → "". */
const groupOf = (apiVersion: string): string => apiVersion.slice(0, Math.max(0, apiVersion.indexOf('/')))
