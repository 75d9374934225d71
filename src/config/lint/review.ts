/**
 * The fate of each rule over all its scopes.
 *
 * A route of a VirtualService becomes a rule of every listener and service that it applies to. It
 * is never used if it is used in none of them and earlier rules take its connections in at least
 * one.
 */

import type { Listener, Plan, Rule, RuleOrigin } from '../../table/plan/plan.ts'
import type { Found, Part, Verdict } from './found.ts'
import { ReviewMemory } from './review-memory.ts'
import { type Fate, type Owner, type Owners, reviewScope } from './review-scope.ts'

export class Review {
  /** By VirtualService, in the order of the scopes; the same list while nothing has changed. */
  readonly found: ReadonlyMap<string, readonly Found[]>
  /** The first rule of each scope that has too many rules for a complete search. */
  readonly incomplete: readonly RuleOrigin[]
  #verdicts: ReadonlyMap<RuleOrigin, Verdict> | null = null

  constructor(found: Review['found'], incomplete: Review['incomplete']) {
    this.found = found
    this.incomplete = incomplete
  }

  /** By the place of the rule. */
  get verdicts(): ReadonlyMap<RuleOrigin, Verdict> {
    this.#verdicts ??= new Map(
      [...this.found.values()].flatMap(found => found.map(each => [each.origin, each.verdict] as const)),
    )
    return this.#verdicts
  }
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
  const parts = new Map<string, Part[]>()
  const incomplete: RuleOrigin[] = []
  const owners = ownersOf(listeners)
  for (const [index, listener] of listeners.entries()) {
    for (const scope of listener.scopes) {
      const around = owners[listener.shares ?? index]
      const { complete, fates } = memory.of(listener, scope, around, () =>
        reviewScope(listener, scope, around),
      )
      if (!complete) incomplete.push(scope.rules[0].origin)
      addParts(parts, scope.rules, fates)
    }
  }
  const found = new Map<string, readonly Found[]>()
  for (const [virtualService, all] of parts) {
    const list = memory.found(virtualService, all, () => findIn(all))
    if (list.length > 0) found.set(virtualService, list)
  }
  memory.end()
  return new Review(found, incomplete)
}

function addParts(parts: Map<string, Part[]>, rules: readonly Rule[], fates: readonly (Fate | null)[]): void {
  for (let from = 0, to = 0; from < rules.length; from = to) {
    const { virtualService } = rules[from].origin
    while (to < rules.length && rules[to].origin.virtualService === virtualService) to++
    parts.getOrInsertComputed(virtualService, () => []).push({ rules, fates, from, to })
  }
}

/** The verdicts on the rules of one VirtualService. */
function findIn(parts: readonly Part[]): readonly Found[] {
  const instances = new Map<RuleOrigin, Instances>()
  for (const { rules, fates, from, to } of parts) {
    for (let at = from; at < to; at++) {
      const fate = fates[at]
      if (fate) note(instances, rules[at], fate)
    }
  }
  if (instances.size === 0) return NOTHING
  for (const { rules, from, to } of parts) {
    for (let at = from; at < to; at++) {
      const known = instances.get(rules[at].origin)
      if (known) known.total++
    }
  }
  return [...instances].flatMap(([origin, of]) => {
    const verdict = conclude(of)
    return verdict ? [{ origin, verdict }] : []
  })
}

const NOTHING: readonly Found[] = []

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
