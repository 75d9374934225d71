/**
 * Access control, literally as src/table/plan/access.ts defines it, and as slowly as that: the
 * reference for src/table/match/authorize.ts.
 */

import { type Cidr, contains } from '../../src/address/address.ts'
import type { AccessPolicy, AccessRule, Test } from '../../src/table/plan/access.ts'
import { addressOf } from './addresses.ts'

export type Connecting = {
  readonly peer: string
  readonly client: string
  readonly destination: string
  readonly port: number
  readonly serverName: string
  /** The names of its certificate; null: it has shown none. */
  readonly certificate: readonly string[] | null
  readonly workload: { readonly namespace: string; readonly serviceAccount: string } | null
}

/** "name rules[0]", or "name" for an ALLOW policy of which no rule matches; null: nobody. */
export type NaiveVerdict = {
  readonly denied: string | null
  readonly tried: string | null
  readonly audited: string | null
}

export function naiveAuthorize(policies: readonly AccessPolicy[], connection: Connecting): NaiveVerdict {
  const of = (action: string, dryRun: boolean) =>
    policies.filter(each => each.action === action && each.dryRun === dryRun)
  const denied = firstMatch(of('DENY', false), connection) ?? missed(of('ALLOW', false), [], connection)
  if (denied !== null) return { denied, tried: null, audited: null }
  return {
    denied,
    tried:
      firstMatch(of('DENY', true), connection) ?? missed(of('ALLOW', true), of('ALLOW', false), connection),
    audited: firstMatch([...of('AUDIT', false), ...of('AUDIT', true)], connection),
  }
}

function firstMatch(policies: readonly AccessPolicy[], connection: Connecting): string | null {
  for (const { name, rules } of policies)
    for (const [index, rule] of rules.entries())
      if (matches(rule, connection)) return `${name} rules[${index}]`
  return null
}

/** The first ALLOW policy, if neither these nor the others allow the connection. */
function missed(
  policies: readonly AccessPolicy[],
  others: readonly AccessPolicy[],
  connection: Connecting,
): string | null {
  if (policies.length === 0) return null
  return firstMatch([...policies, ...others], connection) === null ? policies[0].name : null
}

const matches = ({ never, from, to, when }: AccessRule, connection: Connecting): boolean => {
  const hold = (tests: readonly Test[]): boolean => tests.every(test => isSo(test, connection) !== test.not)
  return (
    never === null &&
    (from.length === 0 || from.some(hold)) &&
    (to.length === 0 || to.some(hold)) &&
    hold(when)
  )
}

function isSo(test: Test, connection: Connecting): boolean {
  const { peer, client, destination, port, serverName, certificate, workload } = connection
  switch (test.of) {
    case 'peer':
      return isInside(test.cidrs, peer)
    case 'client':
      return isInside(test.cidrs, client)
    case 'destination':
      return isInside(test.cidrs, destination)
    case 'port':
      return test.ports.includes(port)
    case 'serverName':
      return test.patterns.some(pattern => fits(pattern, serverName, false))
    default: {
      if (certificate !== null) return isCertified(test.of, test.patterns, certificate)
      if (!test.isKnown || workload === null) return false
      const { namespace, serviceAccount } = workload
      const text = {
        namespace,
        trustDomain: serviceAccount && 'cluster.local',
        serviceAccount: serviceAccount && `${namespace}/${serviceAccount}`,
        principal: serviceAccount && `cluster.local/ns/${namespace}/sa/${serviceAccount}`,
      }[test.of]
      const anywhere = test.of === 'namespace' || test.of === 'trustDomain'
      return test.patterns.some(pattern => fits(pattern, text, anywhere))
    }
  }
}

function isCertified(of: string, patterns: readonly string[], names: readonly string[]): boolean {
  if (of === 'principal' && patterns.includes('*')) return true
  return names.some(name => {
    const principal = /^URI:spiffe:\/\/(.*)/.exec(name)?.[1] ?? ''
    const [, domain = ''] = /^([^/]*)/.exec(principal) ?? []
    const [, namespace = '', account = ''] = /^[^/]*\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(principal) ?? []
    const serviceAccount = account && `${namespace}/${account}`
    const text = { principal, trustDomain: domain, namespace, serviceAccount }[of] ?? ''
    return patterns.some(each => fits(each, text, of === 'namespace' || of === 'trustDomain'))
  })
}

function isInside(cidrs: readonly Cidr[], text: string): boolean {
  const { family, words } = addressOf(text)
  return cidrs.some(cidr => contains(cidr, family, words))
}

function fits(pattern: string, text: string, anywhere: boolean): boolean {
  if (text === '') return false
  const parts = pattern.split('*').map(RegExp.escape)
  const isWild = anywhere || pattern === '*' || /^\*[^*]*$|^[^*]*\*$/.test(pattern)
  return isWild ? new RegExp(`^${parts.join('.*')}$`, 's').test(text) : pattern === text
}
