/** Actions of http routes: redirect, direct response, rewrite, mirror, fault, retries, CORS. */

import { quote } from '../findings/quote.ts'
import { checkDestination } from './destinations.ts'
import type { Field } from './field.ts'
import { checkPort } from './field-checks.ts'
import { headerName } from './http-headers.ts'
import { checkRegex } from './http-match.ts'
import { checkShape } from './shape.ts'
import { checkDuration, checkRange, checkWholeSeconds, checkWord } from './values.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', '*']

const GRPC_STATUSES = (
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED ' +
  'RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE ' +
  'DATA_LOSS UNAUTHENTICATED'
).split(' ')

const RETRY_POLICIES = (
  '5xx gateway-error reset reset-before-request connect-failure retriable-4xx refused-stream ' +
  'retriable-status-codes retriable-headers envoy-ratelimited http3-post-connect-failure ' +
  'cancelled deadline-exceeded internal resource-exhausted unavailable'
).split(' ')

/**
 * The HTTP statuses that have a name (RFC 9110 §15 and the IANA registry, as Go's net/http has
 * them).
 */
const STATUS_RANGES = [
  [100, 103],
  [200, 208],
  [226, 226],
  [300, 305],
  [307, 308],
  [400, 418],
  [421, 426],
  [428, 429],
  [431, 431],
  [451, 451],
  [500, 508],
  [510, 511],
] as const

const KIB = 1024

export function checkRedirect(redirect: Field, matches: Field): void {
  if (redirect.absent) return
  checkPrefixRewrite(redirect, matches)
  const says = ['uri', 'prefixRewrite', 'authority', 'scheme'].some(name => redirect.get(name).filled)
  const port = redirect.get('port')
  if (!says && port.absent && redirect.get('derivePort').absent) {
    redirect.report('CFG211', 'a redirect must have uri, authority, scheme or a port')
  }
  const code = redirect.get('redirectCode')
  if (code.number !== 0) checkRange(code, 300, 399)
  const scheme = redirect.get('scheme')
  if (scheme.filled) checkWord(scheme, ['http', 'https'], 'scheme of a redirect')
  if ((port.number ?? 0) > 0) checkPort(port)
}

/** It replaces what a prefix has matched, so no other match of a uri goes with it. */
function checkPrefixRewrite(redirect: Field, matches: Field): void {
  const rewrite = redirect.get('prefixRewrite')
  checkShape(rewrite, 'text') // younger than the schema
  if (!rewrite.filled) return
  if (redirect.get('uri').filled) {
    rewrite.report('CFG210', 'a redirect cannot have both uri and prefixRewrite')
  }
  const uris = matches.items.map(match => match.get('uri'))
  const other = uris.find(uri => !uri.absent && uri.get('prefix').absent)
  other?.report('CFG210', 'prefixRewrite needs a uri that is matched by its prefix')
}

export function checkDirectResponse(response: Field): void {
  checkRange(response.get('status'), 200, 600)
  const body = response.get('body')
  const text = Buffer.byteLength(body.get('string').text ?? '')
  const size = text + Buffer.byteLength(body.get('bytes').text ?? '', 'base64')
  if (size > KIB * KIB) body.report('CFG208', `a direct response has at most 1 MiB, not ${size} bytes`)
  else if (size > 100 * KIB) {
    body.report('CFG253', `a direct response of ${size} bytes is a burden on the control plane`)
  }
}

export function checkRewrite(rewrite: Field): void {
  if (rewrite.absent) return
  const regex = rewrite.get('uriRegexRewrite')
  const hasUri = rewrite.get('uri').filled
  if (hasUri && !regex.absent) rewrite.report('CFG210', 'a rewrite cannot have both uri and uriRegexRewrite')
  if (!hasUri && regex.absent && !rewrite.get('authority').filled) {
    rewrite.report('CFG211', 'a rewrite must have uri, uriRegexRewrite or authority')
  }
  if (!regex.absent && !(regex.get('match').filled && regex.get('rewrite').filled)) {
    regex.report('CFG211', 'uriRegexRewrite must have both match and rewrite')
  }
  if (regex.get('match').filled) checkRegex(regex.get('match'))
}

export function checkMirrors(route: Field): void {
  for (const name of ['mirrorPercent', 'mirror_percent']) {
    const percent = route.get(name)
    if (percent.absent) continue
    checkRange(percent, 0, 100)
    percent.report('CFG251', `${name} is deprecated`, 'use mirrorPercentage')
  }
  checkRange(route.get('mirrorPercentage').get('value'), 0, 100)
  for (const mirror of route.get('mirrors').items) {
    checkDestination(mirror.get('destination'))
    checkRange(mirror.get('percentage').get('value'), 0, 100)
  }
}

export function checkFault(fault: Field): void {
  if (fault.absent) return
  const abort = fault.get('abort')
  const delay = fault.get('delay')
  if (abort.absent && delay.absent) fault.report('CFG211', 'a fault must have abort or delay')
  checkAbort(abort)
  checkFraction(delay.get('percentage').get('value'))
  checkDuration(delay.get('fixedDelay'))
  const exponential = delay.get('exponentialDelay')
  if (!exponential.absent) exponential.report('CFG210', 'exponentialDelay is not supported by Istio yet')
}

function checkAbort(abort: Field): void {
  checkFraction(abort.get('percentage').get('value'))
  checkRange(abort.get('httpStatus'), 200, 600)
  checkWord(abort.get('grpcStatus'), GRPC_STATUSES, 'gRPC status')
  const http2 = abort.get('http2Error')
  if (!http2.absent) http2.report('CFG210', 'http2Error is not supported by Istio yet')
}

/** A percentage that Envoy can represent: 0, or at least a millionth. */
function checkFraction(percentage: Field): void {
  if (percentage.number !== undefined && percentage.number > 0) checkRange(percentage, 0.0001, 100)
  else checkRange(percentage, 0, 100)
}

export function checkRetries(retries: Field): void {
  const attempts = retries.get('attempts')
  const retryOn = retries.get('retryOn')
  checkRange(attempts, 0, Number.POSITIVE_INFINITY)
  const set =
    ['perTryTimeout', 'retryRemoteLocalities'].some(name => !retries.get(name).absent) || retryOn.filled
  if (set && (attempts.absent || attempts.number === 0)) {
    retries.report('CFG210', 'retries are set up, but attempts is 0, which turns them off')
  }
  checkDuration(retries.get('perTryTimeout'))
  checkDuration(retries.get('backoff'))
  if (!retryOn.filled) return
  for (const policy of retryOn.text?.split(',') ?? []) {
    if (RETRY_POLICIES.includes(policy) || isNamedStatus(policy)) continue
    retryOn.report(
      'CFG213',
      `${quote(policy)} is not a retry policy`,
      `known: ${RETRY_POLICIES.join(', ')}, HTTP statuses`,
    )
  }
}

const isNamedStatus = (text: string): boolean =>
  /^\d{3}$/.test(text) && STATUS_RANGES.some(([first, last]) => Number(text) >= first && Number(text) <= last)

export function checkCors(policy: Field): void {
  for (const origin of policy.get('allowOrigins').items) {
    const words = ['exact', 'prefix', 'regex'].map(name => origin.get(name))
    if (!words.some(word => word.filled)) origin.report('CFG211', 'an allowed origin must not be empty')
    else if (origin.get('regex').filled) checkRegex(origin.get('regex'))
  }
  for (const method of policy.get('allowMethods').items) checkWord(method, METHODS, 'HTTP method')
  for (const list of ['allowHeaders', 'exposeHeaders']) {
    for (const name of policy.get(list).items) {
      name.check('CFG216', text => (text === '*' ? null : headerName(text)))
    }
  }
  const maxAge = policy.get('maxAge')
  checkDuration(maxAge)
  checkWholeSeconds(maxAge)
}
