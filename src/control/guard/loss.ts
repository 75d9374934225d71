/**
 * One loss: something that a change takes from connections, and how its traffic is found in the
 * counts.
 *
 * Counts have names that are stable over generations: a rule's place, a VirtualService, a
 * destination. A loss has keys of such names (losses.ts), and so has each count (`countKeys`).
 * reload-guard.ts adds up the counts with a common key.
 */

import { placeOf } from '../../table/explain/pair-rules.ts'
import { type Destination, destinationName } from '../../table/plan/destination.ts'
import type { RuleOrigin } from '../../table/plan/plan.ts'
import { ruleName, ruleResource } from '../../table/plan/rule-name.ts'

/** Losses of each kind that are listed; keys for the traffic of one of them, and of all. */
const NAMED_MAX = 100
const OWN_KEYS_MAX = 1_000
const KEYS_MAX = 10_000

/** A loss, and how to find its traffic in the counts. */
export type Loss = {
  /** "default/echo tcp[0].match[1]", a listener, or a destination. */
  readonly name: string
  /** Its place now, or its former place. */
  readonly at: { readonly file: string; readonly line: number; readonly resource: string | null }
  /** For a lost rule: the undefined destination. */
  readonly missing: readonly string[]
  /** For a change: how, in words. */
  readonly change?: string
  /** Open connections that it takes, where they were found one by one. */
  readonly open?: number
  /** Keys of the counts: see `countKeys`. */
  readonly keys: readonly string[]
  /**
   * Keys for all losses of its kind together: if a rule moved within its VirtualService, earlier
   * connections count under another place.
   */
  readonly widerKeys: readonly string[]
}

type LossesOfKind = {
  readonly count: number
  /** The first of them. */
  readonly named: readonly Loss[]
  /** Keys of all of them; only of the first if there are too many. */
  readonly keys: readonly string[]
  /** Whether there are more: then their traffic is a lower bound. */
  readonly isCut: boolean
  readonly open?: number
}

export const LOSS_KINDS = [
  'lost',
  'removed',
  'closed',
  'emptied',
  'reads',
  'sends',
  'denied',
  'unserved',
  'ended',
] as const
export type LossKind = (typeof LOSS_KINDS)[number]
export type Losses = Readonly<Record<LossKind, LossesOfKind>>

export const ruleKey = (rule: RuleOrigin): string => `rule ${placeOf(rule)}`
const routedKey = (virtualService: string, destination: string): string =>
  `${virtualService} to ${destination}`
export const defaultKey = (destination: string): string => `default to ${destination}`
export const anyKey = (destination: string): string => `any to ${destination}`

/** All keys that find a count of this rule and destination. */
export function countKeys(rule: RuleOrigin | null, destination: Destination | null): string[] {
  const name = destination && destinationName(destination)
  if (rule === null) return name === null ? [] : [defaultKey(name), anyKey(name)]
  if (name === null) return [ruleKey(rule)]
  return [ruleKey(rule), routedKey(rule.virtualService, name), routedKey(placeOf(rule), name), anyKey(name)]
}

export function ofKind(losses: readonly Loss[]): LossesOfKind {
  const keys = new Set<string>()
  for (const loss of losses) for (const key of loss.widerKeys) keys.add(key)
  const named = losses.slice(0, NAMED_MAX)
  return { count: losses.length, named, keys: [...keys].slice(0, KEYS_MAX), isCut: keys.size > KEYS_MAX }
}

export const lossOf = (name: string, at: Loss['at'], keys: readonly string[]): Loss => ({
  name,
  at,
  missing: [],
  keys: keys.slice(0, OWN_KEYS_MAX),
  widerKeys: keys,
})

/** @param from  The destinations whose connections are lost. */
export const lostRule = (
  before: RuleOrigin,
  after: RuleOrigin,
  missing: readonly string[],
  from: readonly string[],
): Loss => ({
  name: ruleName(after),
  at: ruleAt(after),
  missing,
  keys: from.map(name => routedKey(placeOf(before), name)),
  widerKeys: from.map(name => routedKey(before.virtualService, name)),
})

export const ruleAt = ({ file, line, virtualService }: RuleOrigin): Loss['at'] => ({
  file,
  line,
  resource: ruleResource(virtualService),
})
