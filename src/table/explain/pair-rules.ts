/**
 * Pairs the rules of two tables: the same rule over generations.
 *
 * Rules are paired by content, not by position: inserting a rule before another does not change the
 * other. The remaining rules are paired as changed ones: those with the same conditions in the same
 * VirtualService, since they get the same connections; else those at the same place
 * (VirtualService, route, match); else those with the same conditions in another VirtualService,
 * which may have been renamed.
 */

import type { Cold, ColdRule, ColdScope } from '../format/cold.ts'
import { Route, Rule, SPLIT_NAMES } from '../format/routing-layout.ts'
import { destinationsOf } from '../format/rows.ts'
import type { Table } from '../format/table.ts'
import { destinationName } from '../plan/destination.ts'
import type { RuleOrigin } from '../plan/plan.ts'
import { conditionTexts } from './rule-conditions.ts'

/** A rule in words, and where it applies. */
export type Worded = {
  /** "default/edge 127.0.0.1:9000", and at the mesh with the rule's service. */
  readonly listener: string
  readonly rule: RuleOrigin
  readonly text: string
  /** The part of `text` with the conditions. */
  readonly conditions: string
  /** Its row in `rules`; −1: it can never match. */
  readonly row: number
}

/** A rule before and after; null: absent. */
export type Pair = { readonly before: Worded | null; readonly after: Worded | null }

type Paired = {
  /** In the order of the new rules, then the removed ones. */
  readonly pairs: readonly Pair[]
  /** Unchanged rules that are tried in another order among themselves. */
  readonly reordered: number
}

/** A place where a scope's rules apply. */
export const scopeKey = (table: Table, { listener, host }: Pick<ColdScope, 'listener' | 'host'>): string =>
  `${table.sockets[listener].key}${host === '' ? '' : ` ${host}`}`

export const placeOf = ({ virtualService, block, route, match }: RuleOrigin): string =>
  `${virtualService} ${block} ${route} ${match}`

/** The rules of `table` by scope, for the VirtualServices that are `wanted`. */
export function wordedRules(
  table: Table,
  cold: Cold,
  wanted: (virtualService: string) => boolean = () => true,
): Map<string, Worded[]> {
  return Map.groupBy(
    cold.scopes.flatMap(scope => {
      const listener = scopeKey(table, scope)
      return scope.rules
        .filter(rule => wanted(rule.origin.virtualService))
        .map(rule => worded(table, cold, listener, rule))
    }),
    ({ listener }) => listener,
  )
}

export const worded = (table: Table, cold: Cold, listener: string, rule: ColdRule): Worded => ({
  listener,
  rule: rule.origin,
  ...ruleText(table, cold, rule),
  row: rule.row,
})

/** Pairs the rules of one scope. */
export function pairRules(before: readonly Worded[], after: readonly Worded[]): Paired {
  const left = new Set(before.keys())
  const found = new Map<number, number>() // of after, in before
  const pairBy = (keyOf: (rule: Worded) => string): void => {
    const earlier = Map.groupBy(left, index => keyOf(before[index]))
    for (const [index, rule] of after.entries()) {
      const twin = found.has(index) ? undefined : earlier.get(keyOf(rule))?.shift()
      if (twin === undefined) continue
      found.set(index, twin)
      left.delete(twin)
    }
  }
  pairBy(({ text }) => text)
  const same = after.flatMap((_, index) => found.get(index) ?? [])
  pairBy(({ rule, conditions }) => `${rule.virtualService} ${conditions}`)
  // A route that gets its first match keeps its place.
  pairBy(({ rule }) => placeOf({ ...rule, match: rule.match ?? 0 }))
  pairBy(({ conditions }) => conditions)
  const pairs: Pair[] = after.map((each, index) => {
    const twin = found.get(index)
    return { before: twin === undefined ? null : before[twin], after: each }
  })
  return {
    pairs: [...pairs, ...[...left].map(index => ({ before: before[index], after: null }))],
    reordered: same.length - longestRise(same),
  }
}

/**
 * "port 9000, sourceSubnet 10.1.0.0/16 → 80 % a.example:9000 subset v1, 20 % a.example:9000 subset
 * v2".
 */
function ruleText(table: Table, cold: Cold, rule: ColdRule): Pick<Worded, 'text' | 'conditions'> {
  const { never } = rule
  if (never !== null) return { text: `never: ${never}`, conditions: `never: ${never}` }
  const at = rule.row * Rule.WORDS
  const to = destinationsOf(table, cold, table.rules[at + Rule.route]).map(
    ({ cluster, share }) =>
      `${Number((share * 100).toFixed(2))} % ${destinationName(cold.clusters[cluster])}`,
  )
  const conditions = conditionTexts(table, cold, rule).join(', ') || 'any'
  const how = howText(table, table.rules[at + Rule.route])
  return { text: `${conditions} → ${to.join(', ')}${how}`, conditions }
}

/** "; split exact, on-dead redistribute": what differs from the defaults. */
function howText({ routes }: Table, route: number): string {
  const at = route * Route.WORDS
  if (route < 0) return ''
  const split = SPLIT_NAMES.get(routes[at + Route.split]) ?? 'random'
  const parts = [
    ...(split === 'random' ? [] : [`split ${split}`]),
    ...(routes[at + Route.redistributes] === 1 ? ['on-dead redistribute'] : []),
  ]
  return parts.length === 0 ? '' : `; ${parts.join(', ')}`
}

/** The length of the longest ascending subsequence: patience sorting (Fredman, 1975). */
function longestRise(numbers: readonly number[]): number {
  const tops: number[] = []
  for (const number of numbers) {
    let low = 0
    for (let high = tops.length; low < high; ) {
      const middle = (low + high) >>> 1
      if (tops[middle] < number) low = middle + 1
      else high = middle
    }
    tops[low] = number
  }
  return tops.length
}
