/**
 * Destinations and weights, which the routes of all three blocks (tcp, tls, http) share.
 */

import { quote } from '../findings/quote.ts'
import type { Field } from './field.ts'
import { checkPort } from './field-checks.ts'
import { dnsLabel, domain, wildcardDomain } from './names.ts'

/** A host, perhaps with a subset and a port. */
export function checkDestination(destination: Field): void {
  const host = destination.get('host')
  host.check('CFG201', text =>
    text === '*' ? 'means every host, so it cannot be a destination' : wildcardDomain(text),
  )
  const subset = destination.get('subset')
  if (subset.filled) subset.check('CFG217', dnsLabel)
  const port = destination.get('port')
  if (!port.absent) checkPort(port.get('number'))
}

/** The weighted destinations of a route; weights are relative, and one destination needs none. */
export function checkDestinations(route: Field): void {
  let total = 0
  let known = true
  for (const entry of route.items) {
    const destination = entry.get('destination')
    if (destination.absent) destination.report('CFG103', 'destination is missing')
    checkDestination(destination)
    const weight = entry.get('weight')
    if (weight.number !== undefined && weight.number < 0) {
      weight.report('CFG206', `weight ${weight.number} is less than 0`)
    }
    if (!weight.absent && weight.number === undefined) known = false
    total = (total + (weight.number ?? 0)) | 0 // an int32, as in istiod
  }
  if (route.items.length > 1 && total === 0 && known) {
    route.report(
      'CFG206',
      'the weights of several destinations add up to 0',
      'give at least one of them a weight',
    )
  }
}

/**
 * References to gateways: "name", "namespace/name" or "mesh".
 *
 * Like istiod's, the check ends at the first name without a slash (validateGatewayNames returns
 * there).
 */
export function checkGatewayNames(gateways: Field): void {
  for (const gateway of gateways.items) {
    const slash = gateway.text?.indexOf('/') ?? -1
    if (slash < 0) {
      checkBareGatewayName(gateway)
      return
    }
    gateway.check('CFG205', text => {
      const bad = [text.slice(0, slash), text.slice(slash + 1)].find(part => dnsLabel(part) !== null)
      return bad === undefined ? null : `is not a gateway: ${quote(bad)} is not a DNS label`
    })
  }
}

function checkBareGatewayName(gateway: Field): void {
  const [name, namespace] = gateway.text?.split('.') ?? []
  if (namespace !== undefined) {
    const message = `${quote(gateway.text ?? '')} is the old form of a gateway's name`
    gateway.report('CFG251', message, `write ${quote(`${namespace}/${name}`)}`)
  }
  gateway.check('CFG205', domain)
}
