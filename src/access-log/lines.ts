/** One record as one line: what the two formats (json.ts, text.ts) have in common. */

import { errnoName } from '../kernel/errno.ts'
import { Live } from '../stats/connections.ts'
import type { Destination, MatchNames } from '../stats/generations.ts'
import { RecordKind } from '../stats/records.ts'
import { ruleName as nameOf } from '../table/plan/rule-name.ts'
import type { Bytes } from './bytes.ts'

/**
 * What names may take in a line; longer ones, of clients with very many labels, go without their
 * labels.
 */
export const NAMES_BYTES_MAX = 32_768
/** No line is longer. */
export const LINE_BYTES_MAX = NAMES_BYTES_MAX + 4096

export type LineWriter = {
  /** Writes the record at `at` as a line. */
  put(out: Bytes, words: Int32Array, numbers: Float64Array, at: number): void
}

/** Envoy's names for what a record is of (%ACCESS_LOG_TYPE%). */
export const TYPES: { readonly [kind: number]: string } = {
  [RecordKind.end]: 'TcpConnectionEnd',
  [RecordKind.connected]: 'TcpUpstreamConnected',
  [RecordKind.periodic]: 'TcpPeriodic',
}

/**
 * "shop/orders tcp[0].match[1]", "default" where the destination's own default applied, else null.
 */
export function ruleName({ rule, outcome }: MatchNames): string | null {
  if (rule === null) return outcome === 'default' || outcome === 'passthrough' ? outcome : null
  return nameOf(rule)
}

/** A cluster as Istio names it. */
export const clusterName = ({ port, subset, host }: Destination): string =>
  `outbound|${port}|${subset ?? ''}|${host}`

/** Of a number of the record at `at`. */
export const numberOf = (numbers: Float64Array, at: number, word: number): number => numbers[(at + word) / 2]

export const durationMs = (numbers: Float64Array, at: number): number =>
  Math.max(0, Math.round(numberOf(numbers, at, Live.endedMs) - numberOf(numbers, at, Live.acceptedMs)))

/** "ECONNRESET"; '' where the kernel said nothing. */
export const errnoOf = (words: Int32Array, at: number): string =>
  words[at + Live.errno] === 0 ? '' : errnoName(-words[at + Live.errno])
