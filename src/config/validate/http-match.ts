/** Matches of http routes. */

import { quote } from '../findings/quote.ts'
import { checkGatewayNames } from './destinations.ts'
import type { Field } from './field.ts'
import { checkLabels } from './field-checks.ts'
import { headerName } from './http-headers.ts'
import { checkMatchPort } from './l4-route.ts'
import { dnsLabel } from './names.ts'
import { regularExpression } from './regex.ts'

const CLAIMS = '@request.auth.claims'

/** The pseudo-headers of HTTP/2 (RFC 9113 §8.3). */
const PSEUDO_HEADERS = [':method', ':scheme', ':authority', ':path', ':status']

/** Whether a header's name means a claim of a JSON web token: `@request.auth.claims.group`. */
export function isJwtClaim(name: string): boolean {
  if (!name.toLowerCase().startsWith(CLAIMS)) return false
  return /^(\..+|\[.+\])$/s.test(name.slice(CLAIMS.length))
}

export function checkHttpMatch(match: Field): void {
  for (const [name, header] of match.get('headers').entries) {
    checkHeaderName(name, header)
    if (header.absent) header.report('CFG101', `the match of header ${quote(name)} is empty`)
    checkStringMatch(header)
  }
  for (const [name, header] of match.get('withoutHeaders').entries) {
    checkHeaderName(name, header)
    if (header.get('regex').text !== '*') checkStringMatch(header) // "*" means: present
  }
  checkRegex(match.get('uri').get('regex'))
  for (const name of ['scheme', 'method', 'authority']) checkStringMatch(match.get(name))
  for (const [, parameter] of match.get('queryParams').entries) checkStringMatch(parameter)
  checkMatchPort(match)
  checkLabels(match.get('sourceLabels'))
  checkGatewayNames(match.get('gateways'))
  const sourceNamespace = match.get('sourceNamespace')
  if (sourceNamespace.filled) sourceNamespace.check('CFG217', dnsLabel)
}

function checkHeaderName(name: string, header: Field): void {
  const complaint = isJwtClaim(name) || PSEUDO_HEADERS.includes(name) ? null : headerName(name)
  if (complaint !== null) header.report('CFG216', `${quote(name)} ${complaint}`)
}

/**
 * `exact`, `prefix` or `regex`; a prefix may be empty only in a uri (Envoy's string matcher allows
 * none).
 */
function checkStringMatch(match: Field): void {
  const prefix = match.get('prefix')
  if (prefix.text === '') prefix.report('CFG211', 'a prefix to match must not be empty')
  checkRegex(match.get('regex'))
}

export function checkRegex(regex: Field): void {
  if (regex.text === '') regex.report('CFG215', 'a regular expression must not be empty')
  else regex.check('CFG215', regularExpression)
}
