/** One record as one line: what the two formats (json.ts, text.ts) have in common. */

import { Live } from '../stats/connections.ts'
import type { MatchNames } from '../stats/match-names.ts'
import { RecordKind } from '../stats/records.ts'
import type { Destination } from '../table/plan/destination.ts'
import { ruleName as nameOf } from '../table/plan/rule-name.ts'
import { failureName } from '../tls/details.ts'
import type { Bytes } from './bytes.ts'

/** Bytes for names in a line; longer ones, of clients with very many labels, omit their labels. */
export const NAMES_BYTES_MAX = 32_768
/** The maximum of a line. */
export const LINE_BYTES_MAX = NAMES_BYTES_MAX + 4096

export type LineWriter = {
  /** Writes the record at `at` as a line. */
  put(out: Bytes, words: Int32Array, numbers: Float64Array, at: number): void
}

/** Envoy's names for the kind of a record (%ACCESS_LOG_TYPE%). */
export const TYPES: { readonly [kind: number]: string } = {
  [RecordKind.end]: 'TcpConnectionEnd',
  [RecordKind.connected]: 'TcpUpstreamConnected',
  [RecordKind.periodic]: 'TcpPeriodic',
}

/** "shop/orders tcp[0].match[1]", "default" if the destination's own default applied, else null. */
export function ruleName({ rule, outcome }: MatchNames): string | null {
  if (rule === null) return outcome === 'default' || outcome === 'passthrough' ? outcome : null
  return nameOf(rule)
}

/** A cluster as Istio names it. */
export const clusterName = ({ port, subset, host }: Destination): string =>
  `outbound|${port}|${subset ?? ''}|${host}`

/** The text of a number in the record at `at`. */
export const numberOf = (numbers: Float64Array, at: number, word: number): number => numbers[(at + word) / 2]

export const durationMs = (numbers: Float64Array, at: number): number =>
  Math.max(0, Math.round(numberOf(numbers, at, Live.endedMs) - numberOf(numbers, at, Live.acceptedMs)))

/** "ECONNRESET"; '' if the kernel reported nothing. */
export const errnoOf = (words: Int32Array, at: number): string =>
  words[at + Live.errno] === 0 ? '' : failureName(words[at + Live.errno])
