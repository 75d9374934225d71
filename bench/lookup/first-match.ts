/**
 * The rules in turn, by the definition in src/table/plan/plan.ts: the reference for the classifier.
 *
 * It gets the client's workload for free; weir has to find it by address.
 */

import { contains, type Family } from '../../src/address/address.ts'
import type { Rule, Source } from '../../src/table/plan/plan.ts'

/** A connection; the addresses are four words each, from `at` on. */
export type Asked = {
  readonly family: Family
  readonly destinations: Uint32Array
  readonly clients: Uint32Array
  readonly at: number
  readonly port: number
  readonly workload: Source
}

/** The index of the first rule that matches, or −1. */
export function firstMatch(rules: readonly Rule[], asked: Asked): number {
  return rules.findIndex(
    ({ port, destinations, clients, source }) =>
      (port === 0 || port === asked.port) &&
      isInside(destinations, asked, asked.destinations) &&
      isInside(clients, asked, asked.clients) &&
      (source.namespace === null || source.namespace === asked.workload.namespace) &&
      Object.entries(source.labels).every(([key, value]) => asked.workload.labels[key] === value),
  )
}

const isInside = (ranges: Rule['destinations'], { family, at }: Asked, words: Uint32Array): boolean =>
  ranges.length === 0 || ranges.some(range => contains(range, family, words, at))
