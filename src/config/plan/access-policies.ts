/**
 * AuthorizationPolicies as weir enforces them: their conditions, and the listeners that they apply
 * to.
 *
 * A policy is for a Gateway's listeners if its namespace is the mesh's root or that of the workload
 * (without one: of the Gateway), and its selector fits the workload's labels (without one: the
 * Gateway's selector). The mesh's listeners have policies only with a workload: in front of a
 * service, policies are a matter of the service's own proxy. A policy with targets is for the
 * Gateways of Gateway API that it names.
 */

import { type Cidr, parseCidr } from '../../address/address.ts'
import type { AccessPolicy, AccessRule, Identity, Test } from '../../table/plan/access.ts'
import type { Listener } from '../../table/plan/plan.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { GATEWAY_API, groupOf } from '../kinds.ts'
import type { Settings } from '../settings/settings.ts'
import { isDryRun, isForeignKey } from '../validate/authorization-policy.ts'
import { hasTargets, reportApplied, reportUnapplied, targetsOf } from './access-findings.ts'
import type { AuthorizationPolicySpec, Labels, Typed } from './inputs.ts'
import { MESH, ROOT_NAMESPACE } from './names.ts'
import type { GatewayServers } from './servers.ts'
import { hasLabels } from './workload.ts'

type Written = Typed<AuthorizationPolicySpec>
type WrittenRule = NonNullable<AuthorizationPolicySpec['rules']>[number]

/** Who serves a listener, as far as policies select by it. */
type Server = { readonly namespace: string; readonly labels: Labels }

type AccessInputs = {
  readonly settings: Settings
  readonly policies: readonly Written[]
  readonly gateways: readonly GatewayServers[]
  readonly findings: Findings
}

/** The policies that apply to some listener, and the policies of each listener. */
export function withPolicies(
  listeners: readonly Listener[],
  { settings, policies, gateways, findings }: AccessInputs,
): { readonly listeners: readonly Listener[]; readonly policies: readonly AccessPolicy[] } {
  if (policies.length === 0) return { listeners, policies: [] }
  const servers = new Map(
    [...new Set(listeners.map(each => each.gateway))].flatMap(gateway => {
      const server = serverOf(gateway, settings, gateways)
      return server ? [[gateway, server] as const] : []
    }),
  )
  const planned: AccessPolicy[] = []
  const ofGateway = new Map<string, number[]>([...servers.keys()].map(gateway => [gateway, []]))
  for (const policy of policies) {
    const applied = [...servers].flatMap(([gateway, server]) =>
      isFor(policy, server) || isTarget(policy, gateway, gateways) ? [gateway] : [],
    )
    if (applied.length === 0) {
      reportUnapplied(policy, settings, findings)
      continue
    }
    const served = listeners.filter(each => applied.includes(each.gateway))
    reportApplied(policy, served, settings, findings)
    if (policy.value.action === 'CUSTOM') continue
    const index = planned.push(readPolicy(policy, settings)) - 1
    for (const gateway of applied) ofGateway.get(gateway)?.push(index)
  }
  return {
    listeners: listeners.map(listener => {
      const own = ofGateway.get(listener.gateway) ?? []
      return own.length === 0 ? listener : { ...listener, policies: own }
    }),
    policies: planned,
  }
}

function serverOf(
  gateway: string,
  { workload }: Settings,
  gateways: readonly GatewayServers[],
): Server | null {
  if (workload) return workload
  if (gateway === MESH) return null
  const found = gateways.find(each => each.resource.id === gateway)
  return found ? { namespace: found.resource.metadata.namespace, labels: found.selector } : null
}

function isFor({ resource, value }: Written, { namespace, labels }: Server): boolean {
  if (hasTargets(value)) return false
  const own = resource.metadata.namespace
  return (own === ROOT_NAMESPACE || own === namespace) && hasLabels(labels, value.selector?.matchLabels ?? {})
}

/** A policy may name Gateways of Gateway API, in its own namespace. */
function isTarget({ resource, value }: Written, id: string, gateways: readonly GatewayServers[]): boolean {
  const gateway = gateways.find(
    each => each.resource.id === id && groupOf(each.resource.apiVersion) === GATEWAY_API,
  )
  if (!gateway || gateway.resource.metadata.namespace !== resource.metadata.namespace) return false
  return targetsOf(value).some(
    ({ group, kind, name }) =>
      group === GATEWAY_API && kind === 'Gateway' && name === gateway.resource.metadata.name,
  )
}

function readPolicy({ resource, value }: Written, settings: Settings): AccessPolicy {
  const { file, line } = resource.locate([])
  const { namespace, annotations } = resource.metadata
  const action = value.action === 'DENY' || value.action === 'AUDIT' ? value.action : 'ALLOW'
  const isKnown = settings.authorization.identity === 'address'
  const reader = new RuleReader(namespace, isKnown, action === 'ALLOW')
  const rules = (value.rules ?? []).map(rule => reader.read(rule))
  return { name: resource.id, action, dryRun: isDryRun(annotations), rules, file, line }
}

type Values = readonly string[] | undefined

/** Rule by rule, of one policy. */
class RuleReader {
  readonly #namespace: string
  readonly #isKnown: boolean
  /**
   * Whether an attribute that a connection never has removes the rule (ALLOW); otherwise it is
   * dropped (DENY). As in Envoy.
   */
  readonly #isStrict: boolean
  #foreign: string[] = []

  constructor(namespace: string, isKnown: boolean, isStrict: boolean) {
    this.#namespace = namespace
    this.#isKnown = isKnown
    this.#isStrict = isStrict
  }

  read({ from, to, when }: WrittenRule): AccessRule {
    this.#foreign = []
    const rule = {
      from: (from ?? []).map(({ source = {} }) => this.#source(source)),
      to: (to ?? []).map(({ operation = {} }) => this.#operation(operation)),
      when: (when ?? []).flatMap(({ key, values, notValues }) => [
        ...this.#condition(key, values, false),
        ...this.#condition(key, notValues, true),
      ]),
    }
    const foreign = [...new Set(this.#foreign)].join(', ')
    const never = this.#isStrict && foreign !== '' ? `no connection has ${foreign}` : null
    return { ...rule, never }
  }

  #source(source: NonNullable<NonNullable<WrittenRule['from']>[number]['source']>): Test[] {
    this.#drop({
      requestPrincipals: source.requestPrincipals,
      notRequestPrincipals: source.notRequestPrincipals,
    })
    return [
      ...this.#addresses('peer', 'ipBlocks', source.ipBlocks, source.notIpBlocks),
      ...this.#addresses('client', 'remoteIpBlocks', source.remoteIpBlocks, source.notRemoteIpBlocks),
      ...this.#identity('namespace', 'namespaces', source.namespaces, source.notNamespaces),
      ...this.#identity('principal', 'principals', source.principals, source.notPrincipals),
      ...this.#identity(
        'serviceAccount',
        'serviceAccounts',
        source.serviceAccounts,
        source.notServiceAccounts,
      ),
      ...this.#identity('trustDomain', 'trustDomains', source.trustDomains, source.notTrustDomains),
    ]
  }

  #operation(operation: NonNullable<NonNullable<WrittenRule['to']>[number]['operation']>): Test[] {
    const { ports, notPorts, ...others } = operation
    this.#drop(others)
    return both('ports', ports, notPorts, list => ({ of: 'port', ports: list.map(Number) }))
  }

  #condition(key: string, values: Values, not: boolean): Test[] {
    if (!values?.length) return []
    if (isForeignKey(key)) {
      this.#foreign.push(key)
      return []
    }
    const test = this.#testOf(key, values)
    return test ? [{ field: key, not, ...test }] : []
  }

  #testOf(key: string, values: readonly string[]) {
    const identity = IDENTITY_KEYS[key]
    const address = ADDRESS_KEYS[key]
    if (identity) return this.#identityTest(identity, values)
    if (address) return { of: address, cidrs: cidrsOf(values) }
    if (key === 'destination.port') return { of: 'port', ports: values.map(Number) } as const
    return key === 'connection.sni' ? ({ of: 'serverName', patterns: values } as const) : null
  }

  #addresses(of: 'peer' | 'client', field: string, values: Values, notValues: Values): Test[] {
    return both(field, values, notValues, list => ({ of, cidrs: cidrsOf(list) }))
  }

  #identity(of: Identity, field: string, values: Values, notValues: Values): Test[] {
    return both(field, values, notValues, list => this.#identityTest(of, list))
  }

  #identityTest(of: Identity, values: readonly string[]) {
    const full = (name: string): string => (name.includes('/') ? name : `${this.#namespace}/${name}`)
    const patterns = of === 'serviceAccount' ? values.map(full) : values
    return { of, patterns, isKnown: this.#isKnown }
  }

  #drop(fields: Readonly<Record<string, Values>>): void {
    for (const [name, values] of Object.entries(fields)) if (values?.length) this.#foreign.push(name)
  }
}

type Asks = Test extends infer Each ? (Each extends Test ? Omit<Each, 'field' | 'not'> : never) : never

/** A field and its negation, "ports" and "notPorts", each if it has values. */
function both(
  field: string,
  values: Values,
  notValues: Values,
  test: (values: readonly string[]) => Asks,
): Test[] {
  const notField = `not${field[0].toUpperCase()}${field.slice(1)}`
  const tests: Test[] = []
  if (values?.length) tests.push({ field, not: false, ...test(values) })
  if (notValues?.length) tests.push({ field: notField, not: true, ...test(notValues) })
  return tests
}

const IDENTITY_KEYS: Readonly<Record<string, Identity>> = {
  'source.namespace': 'namespace',
  'source.principal': 'principal',
  'source.serviceAccount': 'serviceAccount',
  'source.trustDomain': 'trustDomain',
}
const ADDRESS_KEYS: Readonly<Record<string, 'peer' | 'client' | 'destination'>> = {
  'source.ip': 'peer',
  'remote.ip': 'client',
  'destination.ip': 'destination',
}

const cidrsOf = (texts: readonly string[]): Cidr[] => texts.flatMap(text => parseCidr(text) ?? [])
