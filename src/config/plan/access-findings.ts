/**
 * Findings about an AuthorizationPolicy: where it applies, and which of its conditions can hold.
 */

import type { Findings, Path } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import type { Settings } from '../settings/settings.ts'
import type { AuthorizationPolicySpec, Typed } from './inputs.ts'
import { ROOT_NAMESPACE } from './names.ts'

type Written = Typed<AuthorizationPolicySpec>

/** Whether a policy is for objects of the Gateway API, which have no listener here. */
export const hasTargets = ({ targetRef, targetRefs = [] }: AuthorizationPolicySpec): boolean =>
  Boolean(targetRef) || targetRefs.length > 0

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
    ? 'its targets are of the Gateway API, which weir does not read'
    : isNear
      ? `its selector does not fit ${whose}`
      : `its namespace ${quote(namespace)} or its selector is not that of ${whose}`
  findings.at('CFG431', resource, ['spec'], `the policy is enforced nowhere here: ${why}`)
}

/** The listeners of these Gateways enforce it. */
export function reportApplied(
  policy: Written,
  gateways: readonly string[],
  settings: Settings,
  findings: Findings,
): void {
  const { resource, value } = policy
  if (value.action === 'CUSTOM') {
    const message = `weir asks no provider, and would have to let in whom ${quote(value.provider?.name ?? '')} refuses; the policy is for ${gateways.join(', ')}`
    findings.at('CFG430', resource, ['spec', 'action'], message)
    return
  }
  if (settings.authorization.identity === 'none') reportIdentities(policy, findings)
}

const IDENTITIES = ['principals', 'namespaces', 'serviceAccounts', 'trustDomains']
const IDENTITY_KEYS = ['source.principal', 'source.namespace', 'source.serviceAccount', 'source.trustDomain']

/**
 * Without mutual TLS nobody has an identity: a condition on one never holds, its negation always
 * does.
 */
function reportIdentities({ resource, value }: Written, findings: Findings): void {
  const action = value.action ?? 'ALLOW'
  const report = (isNot: boolean, field: string, path: Path): void =>
    isNot
      ? findings.at(
          'CFG433',
          resource,
          path,
          `${field} holds for every client, since none has an identity: ${OPEN[action]}`,
        )
      : findings.at(
          'CFG432',
          resource,
          path,
          `${field} holds for no client, since none has an identity: ${SHUT[action]}`,
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
  ALLOW: 'it lets nobody in',
  DENY: 'it denies nobody',
  AUDIT: 'it marks nobody',
}
const OPEN: Readonly<Record<string, string>> = {
  ALLOW: 'it lets all of them in',
  DENY: 'it denies all of them',
  AUDIT: 'it marks all of them',
}
