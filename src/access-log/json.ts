/**
 * The access log as JSON, one object per line: Envoy's names for fields with the same meaning, then
 * weir's own.
 *
 * docs/operations/access-log.md lists the fields; a test holds it to that.
 */

import { whereText } from '../base/where-text.ts'
import { Live } from '../stats/connections.ts'
import type { Generations } from '../stats/generations.ts'
import type { MatchNames } from '../stats/match-names.ts'
import { REASON_NAMES, REASONS } from '../stats/reasons.ts'
import { identityOf, nameOf } from '../stats/row-names.ts'
import { type Bytes, encoded } from './bytes.ts'
import { ENDINGS } from './endings.ts'
import {
  clusterName,
  durationMs,
  errnoOf,
  type LineWriter,
  NAMES_BYTES_MAX,
  numberOf,
  ruleName,
  TYPES,
} from './lines.ts'
import { MatchCache } from './match-cache.ts'
import { PolicyCache } from './policy-cache.ts'
import { WallTime } from './wall-time.ts'
import { WayCache } from './way-cache.ts'

const key = (name: string): Uint8Array => encoded(`,"${name}":`)
const DURATION = key('duration')
const CLIENT = encoded(',"downstream_remote_address":"')
const NO_CLIENT = encoded(',"downstream_remote_address":null')
const PEER = encoded(',"downstream_direct_remote_address":"')
const SERVER_NAME = encoded(',"requested_server_name":"')
const IDENTITY = encoded(',"downstream_peer_identity":')
const QUOTE = encoded('"')
const ASKED = encoded(',"downstream_local_address":"')
const NOT_ASKED = encoded(',"downstream_local_address":null')
const UPSTREAM = encoded(',"upstream_host":"')
const NO_UPSTREAM = encoded(',"upstream_host":null')
const RECEIVED = key('bytes_received')
const SENT = key('bytes_sent')
const UPSTREAM_SENT = key('upstream_wire_bytes_sent')
const UPSTREAM_RECEIVED = key('upstream_wire_bytes_received')
const NOT_TO_UPSTREAM = key('undelivered_to_upstream')
const NOT_TO_CLIENT = key('undelivered_to_client')
const ATTEMPTS = key('upstream_attempts')
const CONNECT = key('connect_ms')
/** The usual end: everything was delivered, at the first attempt. */
const USUAL = encoded(
  ',"undelivered_to_upstream":0,"undelivered_to_client":0,"upstream_attempts":1,"connect_ms":',
)
const FIRST_BYTE = key('first_byte_ms')
const DECIDE = key('decide_ns')
const ERRNO = encoded(',"errno":"')
const [DENIED, WOULD_DENY, AUDITED] = [',"denied_by":"', ',"would_be_denied_by":"', ',"audited_by":"'].map(
  encoded,
)
const END = encoded('}\n')
const QUOTE_END = encoded('"}\n')

/** By reason: its fields. */
const REASON_PIECES = REASON_NAMES.map(reason => {
  const { by, flags } = ENDINGS[reason]
  const fields = {
    response_flags: flags,
    reason,
    ended_by: by,
    connection_termination_details: REASONS[reason],
  }
  return encoded(`,${inner(fields)}`)
})
/** The same with the end of the line. */
const REASON_ENDS = REASON_PIECES.map(piece => Buffer.concat([piece, END]))
const GOES_ON = encoded(`,${inner({ response_flags: '-', reason: null, ended_by: null })}`)

function inner(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(fields).slice(1, -1)
}

function matchPiece(names: MatchNames, generation: number): Uint8Array {
  const { rule, destination, source } = names
  const fields = {
    generation,
    route_name: ruleName(names),
    rule_file: rule && whereText(rule.file, rule.line),
    split: names.split,
    upstream_cluster: destination && clusterName(destination),
    listener: names.listener || null,
    source_namespace: source.namespace,
    source_labels: source.labels,
  }
  const piece = encoded(`,${inner(fields)}`)
  return piece.length <= NAMES_BYTES_MAX ? piece : encoded(`,${inner({ ...fields, source_labels: null })}`)
}

export class JsonLines implements LineWriter {
  readonly #matches: MatchCache
  readonly #policies: PolicyCache
  readonly #ways = new WayCache(putWay)
  /** By kind. */
  readonly #starts = Object.values(TYPES).map(
    type => new WallTime('{"start_time":"', `","access_log_type":"${type}","connection_id":`),
  )

  constructor(generations: Generations) {
    this.#matches = new MatchCache(generations, matchPiece)
    this.#policies = new PolicyCache(generations, name => encoded(JSON.stringify(name).slice(1, -1)))
  }

  put(out: Bytes, words: Int32Array, numbers: Float64Array, at: number): void {
    this.#starts[words[at + Live.kind]].put(out, numberOf(numbers, at, Live.acceptedWallMs))
    out.number(numberOf(numbers, at, Live.id))
    out.put(DURATION)
    out.number(durationMs(numbers, at))
    if (words[at + Live.clientFamily] === 0) out.put(NO_CLIENT)
    else {
      out.put(CLIENT)
      out.socketAddress(words, at + Live.clientFamily)
      out.put(QUOTE)
    }
    if (words[at + Live.peerFamily] !== 0) {
      out.put(PEER)
      out.socketAddress(words, at + Live.peerFamily)
      out.put(QUOTE)
    }
    if (words[at + Live.serverName] !== 0) {
      out.put(SERVER_NAME)
      out.put(encoded(nameOf(words, at))) // of letters that JSON leaves as they are (wire/hello-message.ts)
      out.put(QUOTE)
    }
    if (words[at + Live.identity] !== 0) {
      out.put(IDENTITY)
      out.put(encoded(JSON.stringify(identityOf(words, at))))
    }
    out.put(this.#ways.of(words, at))
    putCounts(out, words, numbers, at)
    out.put(this.#matches.of(words, at))
    if (words[at + Live.policy] + words[at + Live.audited] > 0) this.#putPolicies(out, words, at)
    putEnd(out, words, at)
  }

  #putPolicies(out: Bytes, words: Int32Array, at: number): void {
    if (words[at + Live.policy] > 0) {
      out.put(words[at + Live.reason] === DENIED_REASON ? DENIED : WOULD_DENY)
      out.put(this.#policies.of(words, at, Live.policy))
      out.put(QUOTE)
    }
    if (words[at + Live.audited] === 0) return
    out.put(AUDITED)
    out.put(this.#policies.of(words, at, Live.audited))
    out.put(QUOTE)
  }
}

const DENIED_REASON = REASON_NAMES.indexOf('denied-by-policy')

/** Everything up to the first count. */
function putWay(out: Bytes, words: Int32Array, at: number): void {
  if (words[at + Live.destinationFamily] === 0) out.put(NOT_ASKED)
  else {
    out.put(ASKED)
    out.socketAddress(words, at + Live.destinationFamily)
    out.put(QUOTE)
  }
  if (words[at + Live.endpointFamily] === 0) out.put(NO_UPSTREAM)
  else {
    out.put(UPSTREAM)
    out.socketAddress(words, at + Live.endpointFamily)
    out.put(QUOTE)
  }
  out.put(RECEIVED)
}

function putCounts(out: Bytes, words: Int32Array, numbers: Float64Array, at: number): void {
  const fromClient = numberOf(numbers, at, Live.fromClient)
  const toUpstream = numberOf(numbers, at, Live.toUpstream)
  const fromUpstream = numberOf(numbers, at, Live.fromUpstream)
  const toClient = numberOf(numbers, at, Live.toClient)
  const attempts = words[at + Live.attempts]
  out.number(fromClient)
  out.put(SENT)
  out.number(toClient)
  out.put(UPSTREAM_SENT)
  out.number(toUpstream)
  out.put(UPSTREAM_RECEIVED)
  out.number(fromUpstream)
  if (fromClient === toUpstream && fromUpstream === toClient && attempts === 1) out.put(USUAL)
  else {
    out.put(NOT_TO_UPSTREAM)
    out.number(fromClient - toUpstream)
    out.put(NOT_TO_CLIENT)
    out.number(fromUpstream - toClient)
    out.put(ATTEMPTS)
    out.number(attempts)
    out.put(CONNECT)
  }
  out.thousandths(words[at + Live.connectUs] >>> 0)
  out.put(FIRST_BYTE)
  out.thousandths(words[at + Live.firstByteUs] >>> 0)
  out.put(DECIDE)
  out.number(words[at + Live.decideNs] >>> 0)
}

function putEnd(out: Bytes, words: Int32Array, at: number): void {
  const reason = words[at + Live.reason]
  const broke = words[at + Live.errno] !== 0
  if (reason >= 0 && !broke) {
    out.put(REASON_ENDS[reason])
    return
  }
  out.put(reason < 0 ? GOES_ON : REASON_PIECES[reason])
  if (broke) {
    out.put(ERRNO)
    out.put(encoded(errnoOf(words, at)))
    out.put(QUOTE_END)
  } else out.put(END)
}
