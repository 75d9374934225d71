/**
 * The rules of two tables in words, as far as they may differ.
 *
 * Most changes touch few of many rules, and words cost a hundred times what the comparison of rows
 * does. So rules with which the lists of a scope begin alike, or end alike, are left out: each of
 * them is paired with itself, and has not changed. Which of several equal rules was removed is
 * then told by their places, too.
 */

import { isSameValue } from '../../base/same-value.ts'
import type { Cold, ColdRule, ColdScope } from '../format/cold.ts'
import { Destination, Prefix, Route, Rule } from '../format/routing-layout.ts'
import type { Table } from '../format/table.ts'
import { destinationKey } from '../plan/destination.ts'
import { scopeKey, type Worded, worded } from './pair-rules.ts'

type Side = { readonly table: Table; readonly cold: Cold }

/** By scope, the rules of both sides. */
export function differingRules(
  before: Side,
  after: Side,
): { readonly before: readonly Worded[]; readonly after: readonly Worded[] }[] {
  const [old, now] = [rulesByKey(before), rulesByKey(after)]
  const same = new SameRules(before, after)
  return [...new Set([...old.keys(), ...now.keys()])].map(key => {
    const [was, is] = [new Rules(old.get(key)), new Rules(now.get(key))]
    const least = Math.min(was.count, is.count)
    let first = 0
    while (first < least && same.are(was.at(first), is.at(first))) first++
    let last = 0
    while (last < least - first && same.are(was.at(was.count - 1 - last), is.at(is.count - 1 - last))) last++
    const between = ({ table, cold }: Side, rules: Rules): Worded[] =>
      Array.from({ length: rules.count - last - first }, (_, at) =>
        worded(table, cold, key, rules.at(first + at)),
      )
    return { before: between(before, was), after: between(after, is) }
  })
}

function rulesByKey({ table, cold }: Side): Map<string, readonly ColdScope[]> {
  const ruled = cold.scopes.filter(({ columns }) => columns.count > 0)
  return Map.groupBy(ruled, scope => scopeKey(table, scope))
}

/** The rules of scopes, one after the other; each is made when it is looked at. */
class Rules {
  readonly count: number
  readonly #scopes: readonly ColdScope[]

  constructor(scopes: readonly ColdScope[] = []) {
    this.#scopes = scopes
    this.count = scopes.reduce((sum, { columns }) => sum + columns.count, 0)
  }

  at(index: number): ColdRule {
    let left = index
    for (const { columns } of this.#scopes) {
      if (left < columns.count) return columns.at(left)
      left -= columns.count
    }
    throw new RangeError(`rule ${index} of ${this.count}`)
  }
}

/** Whether rules have the same words: the same rows, which refer to the same. */
class SameRules {
  readonly #before: Table
  readonly #after: Table
  /** By row, whether clusters have one name, and conditions say the same. */
  readonly #clusters: readonly boolean[]
  readonly #conditions: readonly boolean[]

  constructor(before: Side, after: Side) {
    this.#before = before.table
    this.#after = after.table
    this.#clusters = after.cold.clusters.map(
      (_, row) =>
        row < before.cold.clusters.length &&
        destinationKey(before.cold.clusters[row]) === destinationKey(after.cold.clusters[row]),
    )
    this.#conditions = after.cold.conditions.map((each, row) =>
      isSameValue(each, before.cold.conditions[row]),
    )
  }

  are(before: ColdRule, after: ColdRule): boolean {
    if (before.never !== null || after.never !== null) return before.never === after.never
    if (!isSameValue(before.names, after.names)) return false
    const [was, is] = [this.#before.rules, this.#after.rules]
    const [left, right] = [before.row * Rule.WORDS, after.row * Rule.WORDS]
    const condition = is[right + Rule.condition]
    return (
      was[left + Rule.port] === is[right + Rule.port] &&
      was[left + Rule.condition] === condition &&
      this.#conditions[condition] &&
      this.#havePrefixes(left + Rule.firstDestination, right + Rule.firstDestination) &&
      this.#havePrefixes(left + Rule.firstClient, right + Rule.firstClient) &&
      this.#leadTo(was[left + Rule.route], is[right + Rule.route])
    )
  }

  /** Of the runs (a first index and a count) that stand at these words of `rules`. */
  #havePrefixes(left: number, right: number): boolean {
    const [was, is] = [this.#before, this.#after]
    const count = was.rules[left + 1]
    if (count !== is.rules[right + 1]) return false
    const [from, to] = [was.rules[left] * Prefix.WORDS, is.rules[right] * Prefix.WORDS]
    for (let word = 0; word < count * Prefix.WORDS; word++)
      if (was.prefixes[from + word] !== is.prefixes[to + word]) return false
    return true
  }

  #leadTo(left: number, right: number): boolean {
    const [was, is] = [this.#before, this.#after]
    const [from, to] = [left * Route.WORDS, right * Route.WORDS]
    for (const word of [Route.split, Route.redistributes, Route.splitCount])
      if (was.routes[from + word] !== is.routes[to + word]) return false
    const count = was.routes[from + Route.splitCount]
    for (let index = 0; index < count; index++) {
      const one = (was.routes[from + Route.firstSplit] + index) * Destination.WORDS
      const two = (is.routes[to + Route.firstSplit] + index) * Destination.WORDS
      const cluster = is.splits[two + Destination.cluster]
      if (was.splits[one + Destination.cluster] !== cluster || !this.#clusters[cluster]) return false
      if (was.splits[one + Destination.weight] !== is.splits[two + Destination.weight]) return false
    }
    return true
  }
}
