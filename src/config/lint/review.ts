/**
 * The fate of each rule over all its scopes.
 *
 * A route of a VirtualService becomes a rule of every listener and service that it applies to. It
 * is never used if it is used in none of them and earlier rules take its connections in at least
 * one.
 */

import type { Listener, Plan, Rule, RuleOrigin } from '../../table/plan/plan.ts'
import { ReviewMemory } from './review-memory.ts'
import { type Fate, type Owner, type Owners, reviewScope } from './review-scope.ts'

/** A rule that is never used, or ranges or server names of it that never are. */
export type Verdict = {
  /** The rule as it appears in the scope of the finding. */
  readonly rule: Rule
  readonly fate: Fate
}

export type Review = {
  /** By the place of the rule, in the order of the scopes. */
  readonly verdicts: ReadonlyMap<RuleOrigin, Verdict>
  /** The first rule of each scope that has too many rules for a complete search. */
  readonly incomplete: readonly RuleOrigin[]
}

type Instances = {
  /** Scopes in which the rule is not used. */
  unused: number
  /** Scopes in which a range of it is not used though the rule is, by range; null: in none. */
  ranges: Map<number, number> | null
  /** The same of its server names. */
  names: Map<number, number> | null
  /** The most telling of its fates: `taken` before `outside` before the others. */
  telling: Verdict
  /** All scopes that contain it. */
  total: number
}

export function reviewPlan({ listeners }: Plan, memory = new ReviewMemory()): Review {
  memory.begin()
  const found = new Map<RuleOrigin, Instances>()
  const incomplete: RuleOrigin[] = []
  const owners = ownersOf(listeners)
  for (const [index, listener] of listeners.entries()) {
    for (const scope of listener.scopes) {
      const around = owners[listener.shares ?? index]
      const review = memory.of(listener, scope, around, () => reviewScope(listener, scope, around))
      if (!review.complete) incomplete.push(scope.rules[0].origin)
      for (const [index, fate] of review.fates.entries()) if (fate) note(found, scope.rules[index], fate)
    }
  }
  memory.end()
  if (found.size === 0) return { verdicts: new Map(), incomplete }
  for (const { scopes } of listeners) for (const scope of scopes) count(scope.rules, found)
  const verdicts = new Map<RuleOrigin, Verdict>()
  for (const [origin, instances] of found) {
    const verdict = conclude(instances)
    if (verdict) verdicts.set(origin, verdict)
  }
  return { verdicts, incomplete }
}

function count(rules: readonly Rule[], found: ReadonlyMap<RuleOrigin, Instances>): void {
  for (const { origin } of rules) {
    const instances = found.get(origin)
    if (instances) instances.total++
  }
}

/** By listener that has a socket: which scope takes which pattern there. */
function ownersOf(listeners: readonly Listener[]): readonly Owners[] {
  const all = listeners.map(() => new Map<string, Owner>())
  let number = 0
  for (const [index, { scopes, gateway, shares = index }] of listeners.entries()) {
    for (const scope of scopes) {
      for (const name of scope.takes?.names ?? []) all[shares].getOrInsert(name, { scope, number, gateway })
      number++
    }
  }
  return all
}

function note(found: Map<RuleOrigin, Instances>, rule: Rule, fate: Fate): void {
  const known = found.getOrInsertComputed(rule.origin, () => ({
    unused: 0,
    ranges: null,
    names: null,
    telling: { rule, fate },
    total: 0,
  }))
  if (fate.kind === 'used') {
    for (const { range } of fate.ranges) known.ranges = countIn(known.ranges, range)
    for (const { name } of fate.names) known.names = countIn(known.names, name)
  } else known.unused++
  if (weightOf(fate) > weightOf(known.telling.fate)) known.telling = { rule, fate }
}

function countIn(counts: Map<number, number> | null, key: number): Map<number, number> {
  const all = counts ?? new Map<number, number>()
  return all.set(key, (all.get(key) ?? 0) + 1)
}

function weightOf(fate: Fate): number {
  if (fate.kind === 'used') return 3
  if (fate.kind === 'taken') return 2
  return fate.kind === 'unnamed' || fate.why === 'outside' ? 1 : 0
}

/** For a rule that is used somewhere, only the ranges and names that are used nowhere. */
function conclude({ unused, ranges, names, telling, total }: Instances): Verdict | null {
  if (unused === total) return telling
  if (telling.fate.kind !== 'used') return null
  const dead = telling.fate.ranges.filter(({ range }) => (ranges?.get(range) ?? 0) + unused === total)
  const untaken = telling.fate.names.filter(({ name }) => (names?.get(name) ?? 0) + unused === total)
  if (dead.length + untaken.length === 0) return null
  return { rule: telling.rule, fate: { kind: 'used', ranges: dead, names: untaken } }
}
