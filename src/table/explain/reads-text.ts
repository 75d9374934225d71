/**
 * What a listener reads of a connection before the decision, in words, to compare two
 * configurations (compare.ts, control/guard).
 */

import { formatCidr } from '../../address/address.ts'
import type { ReadsProxy } from '../plan/plan.ts'
import { durationText } from './policy-text.ts'

/** Ranges that are listed. */
const RANGES_MAX = 8

/**
 * "reads a PROXY header (V1, V2) from 10.0.0.0/8 within 5s, and resets all others".
 *
 * @param other  The settings to compare with: of many ranges, those that it lacks are listed.
 */
export function readsText(reads: ReadsProxy | null, other: ReadsProxy | null): string {
  if (reads === null) return 'reads no PROXY header'
  const versions = reads.versions.map(each => `V${each}`).join(', ')
  const others = reads.require ? 'resets all others' : 'serves all others without one'
  const within = durationText(reads.timeoutMs)
  return `reads a PROXY header (${versions}) from ${rangesText(reads, other)} within ${within}, and ${others}`
}

function rangesText({ from }: ReadsProxy, other: ReadsProxy | null): string {
  const ranges = from.map(formatCidr)
  if (ranges.length <= RANGES_MAX) return ranges.join(' ')
  const known = new Set(other?.from.map(formatCidr))
  const news = ranges.filter(each => !known.has(each))
  const told = news.slice(0, RANGES_MAX).join(' ')
  const more = news.length > RANGES_MAX ? ` and ${news.length - RANGES_MAX} more` : ''
  const among = news.length > 0 && news.length < ranges.length ? ` (${told}${more} among them)` : ''
  return `${ranges.length} ranges${among}`
}

/** Whether both read the same. */
export const readsSame = (a: ReadsProxy | null, b: ReadsProxy | null): boolean => keyOf(a) === keyOf(b)

const keyOf = (reads: ReadsProxy | null): string =>
  reads === null
    ? ''
    : [reads.from.map(formatCidr).sort().join(), reads.require, reads.versions, reads.timeoutMs].join(' ')
