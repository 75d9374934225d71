/**
 * The access log as JSON, a line each: Envoy's names where they mean the same, then weir's own.
 *
 * docs/operations.md lists the fields; a test holds it to that.
 */

import { Live } from '../stats/connections.ts'
import type { Generations, MatchNames } from '../stats/generations.ts'
import { REASON_NAMES, REASONS } from '../stats/reasons.ts'
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
import { WallTime } from './wall-time.ts'

const key = (name: string): Uint8Array => encoded(`,"${name}":`)
const START = encoded('{"start_time":"')
const TYPE = encoded('","access_log_type":"')
const ID = encoded('","connection_id":')
const DURATION = key('duration')
const CLIENT = encoded(',"downstream_remote_address":"')
const ASKED = encoded('","downstream_local_address":"')
const UPSTREAM = encoded(',"upstream_host":"')
const NO_CLIENT = encoded(',"downstream_remote_address":null,"downstream_local_address":null')
const NO_UPSTREAM = encoded(',"upstream_host":null')
const QUOTE = encoded('"')
const RECEIVED = key('bytes_received')
const SENT = key('bytes_sent')
const UPSTREAM_SENT = key('upstream_wire_bytes_sent')
const UPSTREAM_RECEIVED = key('upstream_wire_bytes_received')
const NOT_TO_UPSTREAM = key('undelivered_to_upstream')
const NOT_TO_CLIENT = key('undelivered_to_client')
const ATTEMPTS = key('upstream_attempts')
const CONNECT = key('connect_ms')
const DECIDE = key('decide_ns')
const GENERATION = key('generation')
const ERRNO = encoded(',"errno":"')
const END = encoded('}\n')

/** By kind: the value of `access_log_type`. */
const TYPE_BYTES = Object.values(TYPES).map(encoded)

/** By reason: everything that it says. */
const REASON_BYTES = REASON_NAMES.map(reason => {
  const { by, flags } = ENDINGS[reason]
  const fields = {
    response_flags: flags,
    reason,
    ended_by: by,
    connection_termination_details: REASONS[reason],
  }
  return encoded(`,${inner(fields)}`)
})
const GOES_ON = encoded(`,${inner({ response_flags: '-', reason: null, ended_by: null })}`)

function inner(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(fields).slice(1, -1)
}

function matchBytes(names: MatchNames): Uint8Array {
  const { rule, destination, source } = names
  const fields = {
    route_name: ruleName(names),
    rule_file: rule && `${rule.file}:${rule.line}`,
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
  readonly #time = new WallTime()

  constructor(generations: Generations) {
    this.#matches = new MatchCache(generations, matchBytes)
  }

  put(out: Bytes, words: Int32Array, numbers: Float64Array, at: number): void {
    out.put(START)
    this.#time.put(out, numberOf(numbers, at, Live.acceptedWallMs))
    out.put(TYPE)
    out.put(TYPE_BYTES[words[at + Live.kind]])
    out.put(ID)
    out.number(numberOf(numbers, at, Live.id))
    out.put(DURATION)
    out.number(durationMs(numbers, at))
    putAddresses(out, words, at)
    putCounts(out, words, numbers, at)
    out.put(GENERATION)
    out.number(words[at + Live.generation])
    out.put(this.#matches.of(words, at))
    const reason = words[at + Live.reason]
    out.put(reason < 0 ? GOES_ON : REASON_BYTES[reason])
    if (words[at + Live.errno] !== 0) {
      out.put(ERRNO)
      out.put(encoded(errnoOf(words, at)))
      out.put(QUOTE)
    }
    out.put(END)
  }
}

function putAddresses(out: Bytes, words: Int32Array, at: number): void {
  if (words[at + Live.clientFamily] === 0) out.put(NO_CLIENT)
  else {
    out.put(CLIENT)
    out.socketAddress(words, at + Live.clientFamily)
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
}

function putCounts(out: Bytes, words: Int32Array, numbers: Float64Array, at: number): void {
  const fromClient = numberOf(numbers, at, Live.fromClient)
  const toUpstream = numberOf(numbers, at, Live.toUpstream)
  const fromUpstream = numberOf(numbers, at, Live.fromUpstream)
  const toClient = numberOf(numbers, at, Live.toClient)
  out.put(RECEIVED)
  out.number(fromClient)
  out.put(SENT)
  out.number(toClient)
  out.put(UPSTREAM_SENT)
  out.number(toUpstream)
  out.put(UPSTREAM_RECEIVED)
  out.number(fromUpstream)
  out.put(NOT_TO_UPSTREAM)
  out.number(fromClient - toUpstream)
  out.put(NOT_TO_CLIENT)
  out.number(fromUpstream - toClient)
  out.put(ATTEMPTS)
  out.number(words[at + Live.attempts])
  out.put(CONNECT)
  out.thousandths(words[at + Live.connectUs] >>> 0)
  out.put(DECIDE)
  out.number(words[at + Live.decideNs] >>> 0)
}
