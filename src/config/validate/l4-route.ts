/** Routes of the tcp and tls blocks: their matches and destinations. */

import { quote } from '../findings/quote.ts'
import { checkDestinations, checkGatewayNames } from './destinations.ts'
import type { Field } from './field.ts'
import { checkLabels, checkPort } from './field-checks.ts'
import { gatewayBoundDomain, isCovered, isIpAddress, subnet, wildcardDomain } from './names.ts'

export function checkTcpRoute(route: Field): void {
  for (const match of route.get('match').items) checkL4Match(match.withoutWarnings())
  checkRoute(route, 'tcp')
}

/**
 * `hosts` of the VirtualService must cover the SNI hosts; `isGateway` allows the names that Istio
 * makes up.
 */
export function checkTlsRoute(route: Field, hosts: ReadonlySet<string>, isGateway: boolean): void {
  const match = route.get('match')
  if (match.empty) match.report('CFG211', 'a tls route must have at least one match')
  for (const each of match.items) {
    const sniHosts = each.get('sniHosts')
    if (sniHosts.empty) sniHosts.report('CFG211', 'a match of a tls route must have at least one SNI host')
    for (const sniHost of sniHosts.items) checkSniHost(sniHost, hosts, isGateway)
    checkL4Match(each)
  }
  checkRoute(route, 'tls')
}

function checkRoute(route: Field, block: string): void {
  const destinations = route.get('route')
  if (destinations.empty) destinations.report('CFG211', `a ${block} route must have at least one destination`)
  checkDestinations(destinations)
}

/**
 * The part that matches of both blocks share. `sourceNamespace` and `sourceSubnet` are free text in
 * Istio.
 */
function checkL4Match(match: Field): void {
  for (const entry of match.get('destinationSubnets').items) entry.check('CFG203', subnet)
  checkMatchPort(match)
  checkLabels(match.get('sourceLabels'))
  checkGatewayNames(match.get('gateways'))
}

/** A port to match; 0 is any. */
export function checkMatchPort(match: Field): void {
  const port = match.get('port')
  if (port.number !== 0 && !port.absent) checkPort(port)
}

function checkSniHost(sniHost: Field, hosts: ReadonlySet<string>, isGateway: boolean): void {
  const { text } = sniHost
  if (text === undefined) return
  const complaint = isGateway ? gatewayBoundDomain(text, true) : wildcardDomain(text)
  if (complaint !== null && isIpAddress(text)) {
    sniHost.report('CFG253', `${quote(text)} is an IP address, which most clients do not send as SNI`)
  } else if (complaint !== null) {
    sniHost.report('CFG201', `${quote(text)} ${complaint}`)
  } else if (!isCovered(text, hosts)) {
    sniHost.report('CFG214', `SNI host ${quote(text)} lies outside the hosts of the VirtualService`)
  }
}
