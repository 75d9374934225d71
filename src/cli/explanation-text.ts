/**
 * An explanation for people.
 *
 *   route: default/echo tcp[0].match[0] matches
 *     listener  mesh *:19000
 *     tls       Gateway shop/edge servers[0], TLS 1.2 to 1.3; a certificate is required
 *     header    PROXY, from 10.0.0.0/8; any other peer is reset, proxy-untrusted
 *     client    namespace default, app=telnet-client
 *     rule      default/echo tcp[0].match[0]  config/rules.yaml:14
 *     to        80 %  echo-server.default.svc.cluster.local:19000 subset prod
 *                     127.0.20.1:9000
 *     policy    connectTimeout 5s  config/destination-rule.yaml:11
 *               idleTimeout 1h, loadBalancer LEAST_REQUEST by default
 *     rejected  default/echo tcp[1].match[0]  port: 19000 is not 9000
 */

import { styleText } from 'node:util'
import { printable } from '../base/printable.ts'
import { whereText } from '../base/where-text.ts'
import type { ClusterEnd } from '../table/explain/ends.ts'
import type { ExplainedDestination, Explanation } from '../table/explain/explanation.ts'
import type { ExplainedGroup } from '../table/explain/group-text.ts'
import type { ExplainedIdentity, ExplainedUpstream } from '../table/explain/tls-text.ts'
import { destinationName } from '../table/plan/destination.ts'
import { ruleName } from '../table/plan/rule-name.ts'

/** Endpoints shown of one destination. */
const ENDPOINTS_MAX = 8
const MARGIN = 12

const OUTCOME_COLOURS = {
  route: 'green',
  default: 'green',
  passthrough: 'yellow',
  'no-route': 'red',
  denied: 'red',
} as const

/** A gateway may cut its answer. */
type Answer = Explanation & { readonly rejectedCut?: boolean }

export function explanationText(answer: Answer | { readonly error: string }, colours: boolean): string {
  if ('error' in answer) return `error: ${printable(answer.error)}\n`
  const { rule, listener, client, ends } = answer
  const colour = ends === null ? OUTCOME_COLOURS[answer.outcome] : 'red'
  const outcome = colours
    ? styleText(['bold', colour], answer.outcome, { validateStream: false })
    : answer.outcome
  const labels = Object.entries(client.labels).map(([key, value]) => `${key}=${value}`)
  const lines = [
    ...field('listener', listener === null ? [] : [listener]),
    ...field('header', headerLines(answer)),
    ...field('tls', tlsLines(answer)),
    ...field('client', [[`namespace ${client.namespace ?? 'unknown'}`, ...labels].join(', ')]),
    ...field('allowed', accessLines(answer)),
    ...field('rule', rule ? [`${ruleName(rule)}  ${whereText(rule.file, rule.line)}`] : []),
    ...field(
      'to',
      answer.destinations.flatMap(each => destinationLines(each, answer)),
    ),
    ...field('on-dead', onDeadLines(answer)),
    ...field('policy', policyLines(answer.destinations)),
    ...field('ends', ends === null || ends === answer.outcome ? [] : [`reset, ${ends}`]),
    ...field('rejected', [
      ...answer.rejected.map(each => `${ruleName(each)}  ${each.because}`),
      ...(answer.rejectedCut ? ['and more: weir explain FILES shows all'] : []),
    ]),
  ]
  return `${[`${outcome}: ${printable(answer.reason)}`, ...lines.map(printable)].join('\n')}\n`
}

function headerLines({ proxyProtocol }: Answer): string[] {
  if (proxyProtocol === null) return []
  const from = proxyProtocol.from.join(', ')
  const others = proxyProtocol.required
    ? 'any other peer is reset, proxy-untrusted'
    : 'any other peer is the client'
  return [
    {
      none: `PROXY, from ${from}; ${others}`,
      sender: `PROXY: the peer is in ${from}, and names the client`,
      client: `none: the peer is not in ${from}, and is the client itself`,
      untrusted: `none: the peer is not in ${from}, so it is reset`,
    }[proxyProtocol.peer ?? 'none'],
  ]
}

/** The server that ends TLS, and what policies read of the client's certificate. */
function tlsLines({ tls }: Answer): string[] {
  if (tls === null) return []
  const { server, clients, subjectAltNames, identity } = tls
  const asks = {
    none: 'no certificate is asked for',
    optional: 'a certificate is optional',
    required: 'a certificate is required',
  }[clients]
  const names = subjectAltNames.length === 0 ? [] : [`with one of ${subjectAltNames.join(', ')}`]
  return [
    [`${server}, ${versionsText(tls)}; ${asks}`, ...names].join(', '),
    ...(identity === null ? [] : [identityText(identity)]),
  ]
}

function identityText({
  name,
  principal,
  namespace,
  serviceAccount,
  trustDomain,
}: ExplainedIdentity): string {
  const read = Object.entries({ principal, namespace, serviceAccount, trustDomain }).flatMap(
    ([part, text]) => (text === null ? [] : [`${part} ${text}`]),
  )
  const who = name ?? 'some verified certificate (--identity names it)'
  return `${who}: policies read ${read.join(', ') || 'that it has one, and no SPIFFE URI'}`
}

/** "TLS 1.2 to 1.3". */
function versionsText({ minVersion, maxVersion }: { minVersion: string; maxVersion: string }): string {
  const [least, most] = [minVersion, maxVersion].map(each => each.replace('TLSV', '').replace('_', '.'))
  return least === most ? `TLS ${least}` : `TLS ${least} to ${most}`
}

/** "TLS 1.2 to 1.3 as a.test; the certificate must be for a.test, by the system's authorities". */
function upstreamText(tls: ExplainedUpstream): string {
  const { serverName, names, authorities, showsCertificate } = tls
  const by = authorities === 'own' ? 'the rule’s authorities' : 'the system’s authorities'
  const name = names.length === 0 ? 'any name' : names.join(' or ')
  return [
    `${versionsText(tls)}${serverName === null ? ' without a server name' : ` as ${serverName}`}`,
    authorities === 'none' ? 'nothing is verified' : `the certificate must be for ${name}, by ${by}`,
    ...(showsCertificate ? ['weir shows its own'] : []),
  ].join('; ')
}

/** Notes of policies on connections that they let pass. */
function accessLines({ authorization }: Answer): string[] {
  if (authorization === null || authorization.deniedBy !== null) return []
  const { wouldBeDeniedBy, auditedBy, because } = authorization
  return [
    'by the AuthorizationPolicies of the listener',
    ...(wouldBeDeniedBy === null ? [] : [`would be denied by ${wouldBeDeniedBy}: ${because}`]),
    ...(auditedBy === null ? [] : [`audited by ${auditedBy}`]),
  ]
}

/** The first value beside the field's name, the others below it. */
const field = (name: string, values: readonly string[]): string[] =>
  values.map((value, index) => `${`  ${index === 0 ? name : ''}`.padEnd(MARGIN)}${value}`)

/**
 * The policy of each destination: written values on lines of their own, then the defaults, without
 * those that limit nothing. Destinations are named if their policies differ.
 */
function policyLines(destinations: readonly ExplainedDestination[]): string[] {
  const groups = Map.groupBy(
    destinations.filter(each => each.policy.length > 0),
    ({ policy }) => JSON.stringify(policy),
  )
  return [...groups.values()].flatMap(([first, ...others]) => {
    const written = first.policy.filter(({ file }) => file !== null)
    const byDefault = first.policy.filter(({ file, value }) => file === null && !UNLIMITED.has(value))
    const lines = [
      ...written.map(({ field, value, file, line }) => `${field} ${value}  ${whereText(file, line)}`),
      ...(byDefault.length > 0
        ? [`${byDefault.map(({ field, value }) => `${field} ${value}`).join(', ')} by default`]
        : []),
    ]
    if (groups.size === 1) return lines
    return [[first, ...others].map(destinationName).join(', '), ...lines.map(line => `  ${line}`)]
  })
}

const UNLIMITED: ReadonlySet<string> = new Set(['none', 'off', 'keep'])

/** The text in place of endpoints if connections end instead. */
const ENDED: { readonly [end in ClusterEnd]: string } = {
  'unknown-destination': 'not defined',
  'no-endpoint': 'no endpoint',
  loop: "one of the gateway's own listeners",
}

/** Said only where it is not Istio's way. */
const onDeadLines = ({ onDead }: Answer): string[] =>
  onDead === 'redistribute'
    ? ['redistribute: where all endpoints of a destination are down, the others get its share']
    : []

function destinationLines(destination: ExplainedDestination, { onDead, ends: whole }: Answer): string[] {
  const { share, endpoints, groups, byAddress, ends } = destination
  const percent = `${Number((share * 100).toFixed(2))} %`.padStart(5)
  const isOthers = (each: string): boolean => each !== byAddress
  const own = byAddress === null ? [] : [`${byAddress}  by the client's address`]
  const others = cut(endpoints.filter(isOthers), ENDPOINTS_MAX - own.length)
  const listed = groups === null ? others : groups.flatMap(groupLines)
  const isGiven = ends === 'no-endpoint' && onDead === 'redistribute' && whole === null
  const ended = (end: ClusterEnd) =>
    isGiven ? 'no endpoint: the others get its share' : `${ENDED[end]}: reset, ${end}`
  const spoken = destination.tls === null ? [] : [upstreamText(destination.tls)]
  const below = ends === null ? [...spoken, ...own, ...listed] : [ended(ends)]
  return [
    `${percent}  ${destinationName(destination)}`,
    ...below.map(each => `${' '.repeat(percent.length + 2)}${each}`),
  ]
}

function cut(texts: readonly string[], most: number): string[] {
  const more = texts.length - most
  return [...texts.slice(0, most), ...(more > 0 ? [`and ${more} more`] : [])]
}

/** "priority 1, us/b, 30 %: in rotation only when …", and its endpoints below. */
function groupLines({ priority, locality, share, why, endpoints }: ExplainedGroup): string[] {
  const part = share === null || share === 1 || share === 0 ? [] : [`${Number((share * 100).toFixed(2))} %`]
  const name = [`priority ${priority}`, locality ?? 'unknown locality', ...part].join(', ')
  const when = why === null ? '' : `: ${why.replace(/^priority \d+: /, '')}`
  return [`${name}${when}`, ...cut(endpoints, ENDPOINTS_MAX).map(each => `  ${each}`)]
}
