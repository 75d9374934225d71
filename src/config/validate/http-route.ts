/**
 * HTTP routes: which of their parts can be combined, and whether each part is right.
 *
 * weir does not serve layer 7, but reports Istio's verdict for files that Istio and weir share
 * (pkg/config/validation/virtualservice.go). Matches are in http-match.ts, the actions in
 * http-actions.ts.
 */

import { checkDestination, checkDestinations } from './destinations.ts'
import type { Field } from './field.ts'
import {
  checkCors,
  checkDirectResponse,
  checkFault,
  checkMirrors,
  checkRedirect,
  checkRetries,
  checkRewrite,
} from './http-actions.ts'
import { checkAuthority, checkHeaders } from './http-headers.ts'
import { checkHttpMatch } from './http-match.ts'
import { checkDuration } from './values.ts'

/** Pairs of actions that exclude each other in a route. */
const CONFLICTS: readonly (readonly [string, string])[] = [
  ['redirect', 'route'],
  ['redirect', 'fault'],
  ['redirect', 'rewrite'],
  ['redirect', 'directResponse'],
  ['directResponse', 'route'],
  ['directResponse', 'fault'],
  ['directResponse', 'rewrite'],
  ['mirror', 'mirrors'],
]

/** `isDelegate`: the VirtualService has no hosts, so another one delegates to it. */
export function checkHttpRoute(route: Field, isDelegate: boolean): void {
  if (route.get('delegate').absent || isDelegate) checkActions(route, isDelegate)
  else checkDelegation(route)
  for (const match of route.get('match').items) checkHttpMatch(match.withoutWarnings())
  checkParts(route)
}

/** A route that delegates cannot have other actions. */
function checkDelegation(route: Field): void {
  for (const name of ['redirect', 'route']) {
    const field = route.get(name)
    if (!field.empty) field.report('CFG210', `a route that delegates cannot have ${name}`)
  }
}

function checkActions(route: Field, isDelegate: boolean): void {
  const delegate = route.get('delegate')
  if (isDelegate && !delegate.absent) {
    delegate.report('CFG210', 'a VirtualService without hosts cannot delegate further')
  }
  for (const [first, second] of CONFLICTS) {
    if (route.get(first).empty || route.get(second).empty) continue
    route.get(second).report('CFG210', `an http route cannot have both ${first} and ${second}`)
  }
  if (!['route', 'redirect', 'directResponse'].some(name => !route.get(name).empty)) {
    route.report('CFG211', 'an http route must have route, redirect or directResponse')
  }
}

function checkParts(route: Field): void {
  checkHeaders(route.get('headers'))
  checkAuthority(route)
  checkCors(route.get('corsPolicy'))
  checkFault(route.get('fault'))
  checkDestination(route.get('mirror'))
  checkMirrors(route)
  checkRedirect(route.get('redirect'), route.get('match'))
  checkDirectResponse(route.get('directResponse'))
  checkRetries(route.get('retries'))
  checkRewrite(route.get('rewrite'))
  checkDuration(route.get('timeout'))
  const destinations = route.get('route')
  checkDestinations(destinations)
  for (const each of destinations.items) checkHeaders(each.get('headers'))
}
