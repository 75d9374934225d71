/**
 * The access log for people, a line each:
 *
 *   [2026-11-23T07:36:27.123Z] 127.0.10.1:51234 -> 127.0.0.1:19000 -> 127.0.1.1:9000 client-closed after 12 ms, …
 */

import { printable } from '../base/printable.ts'
import { whereText } from '../base/where-text.ts'
import { Live } from '../stats/connections.ts'
import type { Generations } from '../stats/generations.ts'
import type { MatchNames } from '../stats/match-names.ts'
import { REASON_NAMES } from '../stats/reasons.ts'
import { RecordKind } from '../stats/records.ts'
import { identityOf, nameOf } from '../stats/row-names.ts'
import { type Bytes, encoded } from './bytes.ts'
import { clusterName, durationMs, errnoOf, type LineWriter, numberOf, ruleName } from './lines.ts'
import { MatchCache } from './match-cache.ts'
import { PolicyCache } from './policy-cache.ts'
import { WallTime } from './wall-time.ts'
import { WayCache } from './way-cache.ts'

const [ARROW, VIA, UNKNOWN] = [' -> ', ' via ', '-'].map(encoded)
const [SPACE, AFTER, MS, RECEIVED, SENT] = [' ', ' after ', ' ms, ', ' bytes in, ', ' out'].map(encoded)
const [DENIED, WOULD_DENY, AUDITED] = [', denied by ', ', would be denied by ', ', audited by '].map(encoded)
const DENIED_REASON = REASON_NAMES.indexOf('denied-by-policy')
const [LOST_IN, LOST_OUT] = [' not to the upstream', ' not to the client'].map(encoded)
const NAMED = encoded('for ')
const IDENTIFIED = encoded('as ')
const [COMMA, END] = [', ', '\n'].map(encoded)
const REASONS = REASON_NAMES.map(encoded)
const GOES_ON: Readonly<Record<number, Uint8Array>> = {
  [RecordKind.connected]: encoded('connected'),
  [RecordKind.periodic]: encoded('goes on'),
}

function matchPiece(names: MatchNames, generation: number): Uint8Array {
  const { rule, destination } = names
  const by = ruleName(names)
  const where = rule === null ? '' : ` (${whereText(rule.file, rule.line)})`
  const to = destination === null ? '' : `, ${clusterName(destination)}`
  const what = `${by === null ? '' : `, by ${by}`}${where}${to}`
  return encoded(printable(`${what}, generation ${generation}, connection `))
}

export class TextLines implements LineWriter {
  readonly #matches: MatchCache
  readonly #time = new WallTime('[', '] ')
  readonly #ways = new WayCache(putWay)
  readonly #policies: PolicyCache

  constructor(generations: Generations) {
    this.#matches = new MatchCache(generations, matchPiece)
    this.#policies = new PolicyCache(generations, name => encoded(printable(name)))
  }

  put(out: Bytes, words: Int32Array, numbers: Float64Array, at: number): void {
    const of = (word: number): number => numberOf(numbers, at, word)
    this.#time.put(out, of(Live.acceptedWallMs))
    putAddress(out, words, at + Live.clientFamily)
    if (words[at + Live.peerFamily] !== 0) {
      out.put(VIA)
      out.socketAddress(words, at + Live.peerFamily)
    }
    out.put(this.#ways.of(words, at))
    if (words[at + Live.serverName] !== 0) {
      out.put(NAMED)
      out.put(encoded(nameOf(words, at)))
      out.put(SPACE)
    }
    if (words[at + Live.identity] !== 0) {
      out.put(IDENTIFIED)
      out.put(encoded(printable(identityOf(words, at))))
      out.put(SPACE)
    }
    const reason = words[at + Live.reason]
    out.put(reason < 0 ? GOES_ON[words[at + Live.kind]] : REASONS[reason])
    if (words[at + Live.errno] !== 0) out.put(encoded(` (${errnoOf(words, at)})`))
    out.put(AFTER)
    out.number(durationMs(numbers, at))
    out.put(MS)
    out.number(of(Live.fromClient))
    out.put(RECEIVED)
    out.number(of(Live.toClient))
    out.put(SENT)
    putLost(out, of(Live.fromClient) - of(Live.toUpstream), LOST_IN)
    putLost(out, of(Live.fromUpstream) - of(Live.toClient), LOST_OUT)
    this.#putPolicies(out, words, at)
    out.put(this.#matches.of(words, at))
    out.number(of(Live.id))
    out.put(END)
  }

  #putPolicies(out: Bytes, words: Int32Array, at: number): void {
    if (words[at + Live.policy] > 0) {
      out.put(words[at + Live.reason] === DENIED_REASON ? DENIED : WOULD_DENY)
      out.put(this.#policies.of(words, at, Live.policy))
    }
    if (words[at + Live.audited] === 0) return
    out.put(AUDITED)
    out.put(this.#policies.of(words, at, Live.audited))
  }
}

/** Everything between the client and the outcome. */
function putWay(out: Bytes, words: Int32Array, at: number): void {
  out.put(ARROW)
  putAddress(out, words, at + Live.destinationFamily)
  out.put(ARROW)
  putAddress(out, words, at + Live.endpointFamily)
  out.put(SPACE)
}

function putAddress(out: Bytes, words: Int32Array, at: number): void {
  if (words[at] === 0) out.put(UNKNOWN)
  else out.socketAddress(words, at)
}

function putLost(out: Bytes, bytes: number, where: Uint8Array): void {
  if (bytes <= 0) return
  out.put(COMMA)
  out.number(bytes)
  out.put(where)
}
