/**
 * VirtualService: hosts, gateways and the three blocks of routes.
 *
 * The rules are istiod's (ValidateVirtualService in pkg/config/validation/validation.go).
 */

import type { Path, Place } from '../findings/diagnostic.ts'
import { quote } from '../findings/quote.ts'
import { checkGatewayNames } from './destinations.ts'
import type { Field } from './field.ts'
import { isJwtClaim } from './http-match.ts'
import { checkPrefixes } from './http-overlap.ts'
import { checkHttpRoute } from './http-route.ts'
import { checkTcpRoute, checkTlsRoute } from './l4-route.ts'
import { coveringHosts, gatewayBoundDomain, isIpAddress, wildcardDomain } from './names.ts'
import { checkReachable } from './unreachable.ts'
import { checkExportTo } from './values.ts'

const BLOCKS = ['http', 'tls', 'tcp'] as const

/** `locate` finds other places of the resource, for findings that name two. */
export function checkVirtualService(spec: Field, namespace: string, locate: (path: Path) => Place): void {
  const hosts = spec.get('hosts')
  const isDelegate = hosts.empty
  if (isDelegate) checkDelegate(spec)
  checkGatewayNames(spec.get('gateways'))
  checkHosts(spec)
  if (BLOCKS.every(block => spec.get(block).empty)) {
    spec.report('CFG211', 'a VirtualService must have routes: tcp, tls or http')
  }
  if (!servesGatewaysOnly(spec)) checkClaims(spec.get('http'))
  const names = new Set(hosts.items.flatMap(host => host.text ?? []))
  for (const route of spec.get('http').items) checkHttpRoute(route, isDelegate)
  const forGateways = isGatewayBound(spec)
  for (const route of spec.get('tls').items) checkTlsRoute(route, names, forGateways)
  for (const route of spec.get('tcp').items) checkTcpRoute(route)
  for (const block of BLOCKS) checkReachable(spec.get(block), locate)
  checkPrefixes(spec.get('http'))
  checkExportTo(spec.get('exportTo'), namespace)
}

/** A VirtualService without hosts serves only as a delegate, for http routes. */
function checkDelegate(spec: Field): void {
  for (const name of ['gateways', 'tls', 'tcp']) {
    const field = spec.get(name)
    if (field.empty) continue
    field.report('CFG211', `a VirtualService with ${name} must have hosts`, 'add hosts')
  }
}

/** Not for the mesh: `mesh` is not among its gateways. As in istiod, also true if it has none. */
const isGatewayBound = (spec: Field): boolean =>
  spec.get('gateways').items.every(gateway => gateway.text !== 'mesh')

const servesGatewaysOnly = (spec: Field): boolean => !spec.get('gateways').empty && isGatewayBound(spec)

function checkHosts(spec: Field): void {
  const forGateways = servesGatewaysOnly(spec)
  const hasSniHosts = spec.get('tls').items.some(hasSniHost)
  const before = new Map<string, number>()
  const { items } = spec.get('hosts')
  for (const [index, host] of items.entries()) {
    const { text } = host
    if (text === undefined) continue
    const complaint = forGateways ? gatewayBoundDomain(text, hasSniHosts) : wildcardDomain(text)
    if (complaint !== null && !isIpAddress(text)) host.report('CFG201', `${quote(text)} ${complaint}`)
    else if (text === '*' && !forGateways) host.report('CFG201', 'host "*" is not allowed for the mesh')
    if (!before.has(text)) before.set(text, index)
  }
  for (const [index, host] of items.entries()) checkOverlap(host, index, before)
}

const hasSniHost = (route: Field): boolean =>
  route.get('match').items.some(match => !match.get('sniHosts').empty)

/** Two hosts of one VirtualService must not overlap; short names stay as they are. */
function checkOverlap(host: Field, index: number, indexes: ReadonlyMap<string, number>): void {
  host.check('CFG209', text => {
    for (const other of coveringHosts(text)) {
      if ((indexes.get(other) ?? index) !== index) {
        return `is covered by host ${quote(other)} of the same VirtualService`
      }
    }
    return null
  })
}

/** Only gateways know claims of web tokens. */
function checkClaims(http: Field): void {
  for (const match of http.items.flatMap(route => route.get('match').items)) {
    for (const name of ['headers', 'withoutHeaders']) {
      for (const [key, header] of match.get(name).entries) {
        if (isJwtClaim(key)) header.report('CFG210', `routing by the claim ${quote(key)} needs a gateway`)
      }
    }
  }
}
