/** Values that many kinds share: durations, percentages, export lists, protocols. */

import { describe, quote } from '../findings/quote.ts'
import { didYouMean } from '../findings/suggest.ts'
import { parseDuration } from '../settings/duration.ts'
import type { Field } from './field.ts'
import { isDnsLabel } from './names.ts'

const DURATION_HINT = 'write a number with a unit, like "10s", "1m30s" or "250ms"'

/**
 * A duration of whole milliseconds, at least one (istiod ValidateDuration).
 *
 * `zeroOff`: less than a millisecond is 0, which turns the limit off.
 */
export function checkDuration(field: Field, zeroOff = false): void {
  const ms = readDuration(field)
  if (ms === null || (zeroOff && Math.trunc(ms) === 0)) return
  if (ms < 1) reportTooShort(field)
  else if (!isWhole(ms)) field.report('CFG207', `${describe(field.value)} is finer than a millisecond`)
}

/** A duration of at least a millisecond, in any precision: the schema's only condition. */
export function checkLeastDuration(field: Field): void {
  const ms = readDuration(field)
  if (ms !== null && ms < 1) reportTooShort(field)
}

function reportTooShort(field: Field): void {
  field.report('CFG207', `${field.name} must be at least 1ms, not ${describe(field.value)}`)
}

/**
 * The milliseconds of a duration of any length; null if there is none, with a finding if it is
 * malformed.
 */
export function readDuration(field: Field): number | null {
  const ms = field.text === undefined ? null : parseDuration(field.text)
  if (ms === null && field.text !== undefined) {
    field.report('CFG207', `${quote(field.text)} is not a duration`, DURATION_HINT)
  }
  return ms
}

/** Rounded to whole nanoseconds, Go's unit; a product of decimals can be slightly off. */
const isWhole = (ms: number): boolean => Math.abs(ms - Math.round(ms)) < 0.5e-6

/** A duration without a fraction of a second; another check decides whether it is a duration. */
export function checkWholeSeconds(field: Field): void {
  const ms = field.text === undefined ? null : parseDuration(field.text)
  if (ms === null || isWhole(ms / 1000)) return
  field.report('CFG207', `${field.name} must be in whole seconds, not ${quote(field.text ?? '')}`)
}

export function checkRange(field: Field, least: number, most: number): void {
  const { number } = field
  if (number === undefined || (number >= least && number <= most)) return
  const range = most === Number.POSITIVE_INFINITY ? `at least ${least}` : `between ${least} and ${most}`
  field.report('CFG208', `${field.name} must be ${range}, not ${number}`)
}

/** One of some words. */
export function checkWord(field: Field, words: readonly string[], what: string): void {
  const { text } = field
  if (text === undefined || words.includes(text)) return
  field.report(
    'CFG213',
    `${quote(text)} is not a valid ${what}`,
    didYouMean(text, words) ?? `known: ${words.join(', ')}`,
  )
}

/** Protocols of ports, by their lower-case names (pkg/config/protocol/instance.go). */
const PROTOCOLS: Readonly<Record<string, 'http' | 'tls' | 'tcp' | 'udp'>> = {
  http: 'http',
  http2: 'http',
  http_proxy: 'http',
  grpc: 'http',
  'grpc-web': 'http',
  https: 'tls',
  tls: 'tls',
  tcp: 'tcp',
  mongo: 'tcp',
  redis: 'tcp',
  mysql: 'tcp',
  udp: 'udp',
}

/** The family of a protocol, or null for an unknown one; case does not matter. */
export function protocolFamily(protocol: string): 'http' | 'tls' | 'tcp' | 'udp' | null {
  const name = protocol.toLowerCase()
  return Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name] : null
}

const PROTOCOL_NAMES = 'HTTP, HTTP2, GRPC, GRPC-Web, HTTPS, TLS, TCP, MONGO, REDIS, MYSQL, UDP, HTTP_PROXY'

export function checkProtocol(field: Field): void {
  const { text } = field
  if (text === undefined || protocolFamily(text) !== null) return
  field.report('CFG213', `${quote(text)} is not a protocol`, `known: ${PROTOCOL_NAMES}`)
}

/**
 * Who may see a resource: `.` its own namespace, `*` all, names of namespaces; `~` nobody, for a
 * ServiceEntry only.
 */
export function checkExportTo(
  list: Field,
  namespace: string,
  options: { noneAllowed?: boolean; ownOnly?: boolean } = {},
): void {
  const seen = new Set<string>()
  for (const entry of list.items) {
    if (entry.text === undefined) continue
    const key = entry.text === '.' ? namespace : entry.text
    if (seen.has(key)) entry.report('CFG212', `${quote(entry.text)} appears twice in exportTo`)
    else if (key === '*' || isDnsLabel(key) || (key === '~' && options.noneAllowed)) seen.add(key)
    else if (key === '~') entry.report('CFG212', 'only a ServiceEntry can be exported to nobody ("~")')
    else entry.report('CFG212', `${quote(entry.text)} is not a namespace`)
  }
  if (list.items.length > 1) {
    if (seen.has('*')) list.report('CFG212', '"*" exports to all namespaces, so it must be the only entry')
    if (seen.has('~')) list.report('CFG212', '"~" exports to nobody, so it must be the only entry')
  }
  if (options.ownOnly && seen.size > 0 && !(seen.has(namespace) && seen.size === 1)) {
    list.report(
      'CFG212',
      'a DestinationRule with a workloadSelector can be exported to its own namespace only',
    )
  }
}
