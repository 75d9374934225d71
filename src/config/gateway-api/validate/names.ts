/**
 * Names of Gateway API (apis/v1/shared_types.go): stricter than Istio's, in lower case throughout.
 * Each rule returns what is wrong, or null.
 */

import { type Complaint, isIpAddress } from '../../validate/names.ts'

const LENGTH_MAX = 253
const DOMAIN = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*'
const HOSTNAME = new RegExp(`^(?:\\*\\.)?${DOMAIN}$`)
const PRECISE = new RegExp(`^${DOMAIN}$`)
const CONTROLLER = new RegExp(`^${DOMAIN}/[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+$`)

const rule =
  (pattern: RegExp, complaint: string) =>
  (text: string): Complaint => {
    if (text.length > LENGTH_MAX) return `is longer than ${LENGTH_MAX} characters`
    return pattern.test(text) ? null : complaint
  }

const written = rule(
  HOSTNAME,
  'is not a host name of Gateway API: lower-case labels, and a wildcard as the whole first label only',
)

/** "db.example.com", "*.example.com"; no address, which is no server name (RFC 6066 §3). */
export const hostname = (text: string): Complaint =>
  isIpAddress(text) ? 'is an address, which no client can name as its server' : written(text)

/** Without a wildcard. */
export const preciseHostname = rule(PRECISE, 'is not a host name in lower case without a wildcard')

/**
 * "TCP", "example.com/quic". The API server takes any word; the status says which are served.
 */
export const protocolName = rule(
  new RegExp(`^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$|^${DOMAIN}/[A-Za-z0-9]+$`),
  'is no protocol: a word, such as "TCP", or a domain with a path',
)

/** Of a listener; routes name it. */
export const sectionName = rule(PRECISE, 'is not a name of lower-case letters, digits, "-" and "."')

/** "example.com/gateways". */
export const controllerName = rule(CONTROLLER, 'is not a domain with a path, like "gateway.weir/controller"')
