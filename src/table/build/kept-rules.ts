/**
 * The rules of a scope whose rows the table before has, too: those in front of what has changed,
 * and those behind it.
 *
 * A Plan takes over the rules of what stays as it is (config/plan/plan-memory.ts), so most of them
 * are the same objects. Where routes have moved they are new ones, of the same parts.
 */

import type { PackedRules } from '../format/cold-rules.ts'
import type { Rule, Scope } from '../plan/plan.ts'

export type KeptRules = {
  readonly scope: Scope
  /** The same rules for people. */
  readonly packed: PackedRules
}

/** How many rules at both ends of two lists have the same row, but for their routes. */
export function sameEnds(before: Scope, after: Scope): { readonly head: number; readonly tail: number } {
  if (before.defaults?.length || after.defaults?.length) return { head: 0, tail: 0 } // rows of other kinds
  const [left, right] = [before.rules, after.rules]
  const most = Math.min(left.length, right.length)
  let head = 0
  while (head < most && hasSameRow(left[head], right[head])) head++
  let tail = 0
  while (tail < most - head && hasSameRow(left[left.length - 1 - tail], right[right.length - 1 - tail]))
    tail++
  return { head, tail }
}

const hasSameRow = (left: Rule, right: Rule): boolean =>
  left === right ||
  (left.origin === right.origin &&
    left.never === right.never &&
    left.port === right.port &&
    left.destinations === right.destinations &&
    left.clients === right.clients &&
    left.source === right.source &&
    left.names === right.names)
