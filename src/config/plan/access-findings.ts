/**
 * Findings about an AuthorizationPolicy: where it applies, and which of its conditions can hold.
 */

import { fitsIdentity } from '../../table/match/identity.ts'
import type { Listener } from '../../table/plan/plan.ts'
import { certifies } from '../../table/plan/tls.ts'
import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Settings } from '../settings/settings.ts'
import type { AuthorizationPolicySpec, Typed } from './inputs.ts'
import { MESH, ROOT_NAMESPACE } from './names.ts'

type Written = Typed<AuthorizationPolicySpec>

/** The objects that a policy is for; one with targets has no selector. */
export const targetsOf = ({ targetRef, targetRefs = [] }: AuthorizationPolicySpec) => [
  ...(targetRef ? [targetRef] : []),
  ...targetRefs,
]
export const hasTargets = (policy: AuthorizationPolicySpec): boolean => targetsOf(policy).length > 0

/** It applies to no listener of this process. */
export function reportUnapplied(
  { resource, value }: Written,
  { workload }: Settings,
  findings: Findings,
): void {
  const { namespace } = resource.metadata
  const whose = workload ? 'the workload of the Settings' : 'the Gateways with a listener here'
  const isNear = namespace === ROOT_NAMESPACE || namespace === workload?.namespace
  const why = hasTargets(value)
    ? 'none of its targets is a Gateway of Gateway API with a listener here'
    : isNear
      ? `its selector does not fit ${whose}`
      : `its namespace ${quote(namespace)} or its selector is not that of ${whose}`
  findings.at('CFG431', resource, ['spec'], `the policy is enforced nowhere here: ${why}`)
}

/** It is enforced at these listeners. */
export function reportApplied(
  policy: Written,
  listeners: readonly Listener[],
  settings: Settings,
  findings: Findings,
): void {
  const { resource, value } = policy
  const gateways = [...new Set(listeners.map(each => each.gateway))]
  if (value.action === 'CUSTOM') {
    const message = `weir asks no provider, so it would admit clients that ${quote(value.provider?.name ?? '')} refuses; the policy is for ${gateways.join(', ')}`
    findings.at('CFG430', resource, ['spec', 'action'], message)
    return
  }
  const isMutual = listeners.some(({ scopes }) => scopes.some(({ tls }) => certifies(tls)))
  if (settings.authorization.identity === 'none' && !isMutual) reportIdentities(policy, findings)
  else reportNamespaces(policy, settings, findings)
  reportNames(policy, listeners, findings)
}

/** A value that no namespace can be called, and no client in the Settings is in. */
function reportNamespaces({ resource, value }: Written, { sources }: Settings, findings: Findings): void {
  const report = (list: readonly string[] = [], path: Path): void => {
    for (const [index, each] of list.entries()) {
      if (canBeNamespace(each) || sources.some(({ namespace }) => fitsIdentity(each, namespace, 'namespace')))
        continue
      const message = `no namespace can be called ${quote(each)}, so no client is there`
      findings.at('CFG437', resource, [...path, index], message, lowerCase(each))
    }
  }
  for (const [index, { from = [], when = [] }] of (value.rules ?? []).entries()) {
    const rule: Path = ['spec', 'rules', index]
    for (const [at, { source = {} }] of from.entries())
      for (const name of ['namespaces', 'notNamespaces'])
        report(source[name], [...rule, 'from', at, 'source', name])
    for (const [at, { key, values, notValues }] of when.entries()) {
      if (key !== 'source.namespace') continue
      report(values, [...rule, 'when', at, 'values'])
      report(notValues, [...rule, 'when', at, 'notValues'])
    }
  }
}

/** A DNS label (RFC 1123), in which "*" stands for any text. */
const canBeNamespace = (pattern: string): boolean =>
  pattern.includes('*')
    ? /^[a-z0-9*-]+$/.test(pattern)
    : /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(pattern)

const lowerCase = (written: string): string | undefined => {
  const meant = written.toLowerCase()
  return meant !== written && canBeNamespace(meant) ? `did you mean ${quote(meant)}?` : undefined
}

/** Where weir reads no server name, every connection is as one that asks for none. */
function reportNames({ resource, value }: Written, listeners: readonly Listener[], findings: Findings): void {
  const action = value.action ?? 'ALLOW'
  for (const [index, { to = [], when = [] }] of (value.rules ?? []).entries()) {
    const unheard = listeners.filter(each => !each.reads && (to.length === 0 || to.some(isOf(each))))
    if (unheard.length === 0) continue
    const [{ gateway, port }] = unheard
    const more = unheard.length > 1 ? ` and ${unheard.length - 1} more` : ''
    const where = `${gateway}:${port}${more}, which read${more ? '' : 's'} no server name`
    for (const [at, { key, values = [], notValues = [] }] of when.entries()) {
      if (key !== 'connection.sni') continue
      const path: Path = ['spec', 'rules', index, 'when', at]
      const never = `${key} holds for no client of ${where}: ${SHUT[action]}`
      const always = `${key} holds for every client of ${where}: ${OPEN[action]}`
      if (values.length > 0) findings.at('CFG436', resource, [...path, 'values'], never)
      if (notValues.length > 0) findings.at('CFG436', resource, [...path, 'notValues'], always)
    }
  }
}

type WrittenRule = NonNullable<AuthorizationPolicySpec['rules']>[number]
type Operation = NonNullable<WrittenRule['to']>[number]

/** Whether an operation can be one of a listener's; the mesh's have the ports of services. */
const isOf =
  ({ gateway, port }: Listener) =>
  ({ operation: { ports = [], notPorts = [] } = {} }: Operation): boolean => {
    const has = (list: readonly string[]): boolean => list.some(each => Number(each) === port)
    return gateway === MESH || ((ports.length === 0 || has(ports)) && !has(notPorts))
  }

const IDENTITIES = ['principals', 'namespaces', 'serviceAccounts', 'trustDomains']
const IDENTITY_KEYS = ['source.principal', 'source.namespace', 'source.serviceAccount', 'source.trustDomain']

/**
 * Where no server verifies clients' certificates, nobody has an identity: a condition on one never
 * holds, its negation always does.
 */
function reportIdentities({ resource, value }: Written, findings: Findings): void {
  const action = value.action ?? 'ALLOW'
  const report = (isNot: boolean, field: string, path: Path): void =>
    isNot
      ? findings.at(
          'CFG433',
          resource,
          path,
          `${field} holds for every client, since no server verifies certificates of clients: ${OPEN[action]}`,
        )
      : findings.at(
          'CFG432',
          resource,
          path,
          `${field} holds for no client, since no server verifies certificates of clients: ${SHUT[action]}`,
        )
  for (const [index, { from = [], when = [] }] of (value.rules ?? []).entries()) {
    const rule: Path = ['spec', 'rules', index]
    for (const [at, { source = {} }] of from.entries())
      for (const [name, list] of Object.entries(source)) {
        const plain = name.replace(/^not([A-Z])/, (_, first: string) => first.toLowerCase())
        if (IDENTITIES.includes(plain) && list?.length)
          report(plain !== name, name, [...rule, 'from', at, 'source', name])
      }
    for (const [at, { key, values = [], notValues = [] }] of when.entries()) {
      if (!IDENTITY_KEYS.includes(key)) continue
      const path: Path = [...rule, 'when', at]
      if (values.length > 0) report(false, key, [...path, 'values'])
      if (notValues.length > 0) report(true, key, [...path, 'notValues'])
    }
  }
}

const SHUT: Readonly<Record<string, string>> = {
  ALLOW: 'it allows nobody',
  DENY: 'it denies nobody',
  AUDIT: 'it marks nobody',
}
const OPEN: Readonly<Record<string, string>> = {
  ALLOW: 'it allows all of them',
  DENY: 'it denies all of them',
  AUDIT: 'it marks all of them',
}
