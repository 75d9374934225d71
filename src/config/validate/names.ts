/**
 * Names: which strings are DNS labels, host names, label keys, ports and addresses.
 *
 * The rules are those of istiod's webhook (istio/istio pkg/config/validation/agent/validation.go
 * and pkg/config/labels/instance.go), quirks included: upper case is valid; a single all-digit
 * label is a valid wildcard domain, but no fully qualified one. Each rule returns what is wrong, or
 * null.
 */

import { domainToASCII } from 'node:url'
import { parseAddress, parseCidr } from '../../address/address.ts'
import { quote } from '../findings/quote.ts'

export type Complaint = string | null

const LABEL_MAX = 63
const DOMAIN_MAX = 255
const PREFIX_MAX = 253
const LABEL = '[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?'
const DNS_LABEL = new RegExp(`^${LABEL}$`)
const WILDCARD_LABEL = new RegExp(`^(?:\\*|(?:\\*|\\*-)?${LABEL})$`)
const QUALIFIED = '(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const LABEL_KEY = new RegExp(`^(?:(${LABEL}(?:\\.${LABEL})*)/)?(${QUALIFIED})$`)
const LABEL_VALUE = new RegExp(`^(?:${QUALIFIED})?$`)
const ALL_DIGITS = /^[+-]?\d+$/

export const isDnsLabel = (text: string): boolean => text.length <= LABEL_MAX && DNS_LABEL.test(text)
export const isIpAddress = (text: string): boolean => parseAddress(text) !== null

export const dnsLabel = (text: string): Complaint => (isDnsLabel(text) ? null : 'is not a DNS label')

/** A fully qualified name: "a.example.com", "a.example.com.", "a". */
export const domain = (text: string): Complaint => tooLongOrEmpty(text) ?? labels(text)

/**
 * The same, with a wildcard in the first label: "*", "*.example.com", "*-a.example.com",
 * "*example.com".
 */
export function wildcardDomain(text: string): Complaint {
  const dot = text.indexOf('.')
  const first = dot < 0 ? text : text.slice(0, dot)
  const bad = tooLongOrEmpty(text)
  if (bad !== null) return bad
  if (first.length > LABEL_MAX || !WILDCARD_LABEL.test(first)) {
    return `is not a host name: bad label ${quote(first)}${inAscii(first)}`
  }
  return dot < 0 ? null : labels(text.slice(dot + 1))
}

/** A name with a wildcard that is not the whole first label: "*example.com". */
export const isPartialWildcard = (text: string): boolean =>
  text.includes('*') && text.length !== 1 && !text.startsWith('*.')

function tooLongOrEmpty(text: string): Complaint {
  if (text.length > DOMAIN_MAX) return `is longer than ${DOMAIN_MAX} characters`
  return text === '' ? 'is an empty host name' : null
}

function labels(text: string): Complaint {
  const parts = text.split('.')
  const last = parts.length - 1
  if (ALL_DIGITS.test(parts[last])) return 'is not a host name: its last label is a number'
  const bad = parts.find((part, index) => !isDnsLabel(part) && !(index === last && part === ''))
  return bad === undefined ? null : `is not a host name: bad label ${quote(bad)}${inAscii(bad)}`
}

/** How DNS writes a name of other letters (RFC 5891), which resolvers may not do by themselves. */
export function inAscii(name: string): string {
  const ascii = domainToASCII(name)
  return /^xn--|\.xn--/.test(ascii) && ascii !== name ? `, which DNS writes as ${quote(ascii)}` : ''
}

/**
 * A host of a VirtualService for gateways: also the names that Istio makes for AUTO_PASSTHROUGH,
 * `outbound_.80_._.a.example.com`, if the resource has SNI routes.
 */
export function gatewayBoundDomain(text: string, hasSniHosts: boolean): Complaint {
  if (!hasSniHosts || !text.startsWith('outbound_')) return wildcardDomain(text)
  const [, port = '', , host = ''] = text.split('_')
  return /\d/.test(port) && /[a-zA-Z]/.test(host)
    ? tooLongOrEmpty(text)
    : 'does not have the form outbound_.<port>_._.<host>'
}

/**
 * Every host that covers all names of `name`: itself, and wildcards down to "*".
 *
 * A look-up costs the length of a name, whatever the number of hosts; comparing all pairs would not
 * (Matches and SubsetOf in pkg/config/host/name.go compare suffixes, with the same result).
 */
export function* coveringHosts(name: string): Generator<string> {
  const tail = name.startsWith('*') ? name.slice(1) : name
  yield name
  for (let at = 0; at <= tail.length; at++) yield `*${tail.slice(at)}`
}

/** Whether one of `hosts` covers all names of `name`. */
export function isCovered(name: string, hosts: ReadonlySet<string>): boolean {
  for (const host of coveringHosts(name)) if (hosts.has(host)) return true
  return false
}

export const ipAddress = (text: string): Complaint => (isIpAddress(text) ? null : 'is not an IP address')

export const subnet = (text: string): Complaint =>
  (text.includes('/') ? parseCidr(text) !== null : isIpAddress(text))
    ? null
    : 'is neither an IP address nor a CIDR'

/** The part after "unix://": an absolute path to a file, or an abstract name ("@name"). */
export function unixPath(path: string): Complaint {
  if (path === '') return 'does not name a socket'
  return path.startsWith('@') || (path.startsWith('/') && !path.endsWith('/'))
    ? null
    : 'is not the absolute path of a file'
}

export const UNIX_PREFIX = 'unix://'

export function labelKey(text: string): Complaint {
  const parts = LABEL_KEY.exec(text)
  if (!parts) return 'is not a label key'
  if ((parts[1]?.length ?? 0) > PREFIX_MAX) return `has a prefix of more than ${PREFIX_MAX} characters`
  return parts[2].length > LABEL_MAX ? `has a name of more than ${LABEL_MAX} characters` : null
}

/** Istio does not limit the length of label values. */
export const labelValue = (text: string): Complaint =>
  LABEL_VALUE.test(text) ? null : 'is not a label value'
