/**
 * The fates of rules in the last Plan, for the scopes of the next one whose rules ask for the same.
 *
 * A fate follows from what the rules of its scope ask for, and not from where they lead or are
 * written. The rules that it names become those at the same positions. What is found of a
 * VirtualService, and told of it, stays while all its rules and their fates are the same objects.
 */

import { isSameValue } from '../../base/same-value.ts'
import type { Listener, Rule, Scope } from '../../table/plan/plan.ts'
import type { Found, Part, Told } from './found.ts'
import type { Fate, Owners, ScopeReview } from './review-scope.ts'

type Reviewed = {
  readonly listener: Listener
  readonly scope: Scope
  readonly owners: Owners
  readonly review: ScopeReview
}

type FoundIn = { readonly parts: readonly Part[]; readonly found: readonly Found[] }

export class ReviewMemory {
  /** Scopes whose fates were taken over, since the start. */
  reused = 0
  /** By the number of the scope in the Plan. */
  #last: readonly Reviewed[] = []
  #next: Reviewed[] = []
  /** By VirtualService: what was found in all its parts. */
  #lastFound: ReadonlyMap<string, FoundIn> = new Map()
  #nextFound = new Map<string, FoundIn>()
  /** What was told of such a list. */
  readonly #told = new WeakMap<readonly Found[], readonly Told[]>()
  /** What was compared last: all scopes of a socket, perhaps thousands, have the same owners. */
  #compared: { readonly before: Owners; readonly after: Owners; readonly same: boolean } | null = null

  /** Begins a Plan. */
  begin(): void {
    this.#last = this.#next
    this.#next = []
    this.#lastFound = this.#nextFound
    this.#nextFound = new Map()
  }

  /** Ends it: what the last one had is let go of. */
  end(): void {
    this.#last = []
    this.#lastFound = new Map()
    this.#compared = null
  }

  /** The fates in the next scope; `review` makes them, where they may differ. */
  of(listener: Listener, scope: Scope, owners: Owners, review: () => ScopeReview): ScopeReview {
    const before = this.#last[this.#next.length]
    const same = before && asksSame(before, { listener, scope }) && this.#ownSame(before.owners, owners)
    if (same) this.reused++
    const found = same ? renamed(before.review, before.scope.rules, scope.rules) : review()
    this.#next.push({ listener, scope, owners, review: found })
    return found
  }

  /** What is found in the parts of a VirtualService; `find` finds it, where they may differ. */
  found(virtualService: string, parts: readonly Part[], find: () => readonly Found[]): readonly Found[] {
    const before = this.#lastFound.get(virtualService)
    const found = before && areSame(before.parts, parts) ? before.found : find()
    this.#nextFound.set(virtualService, { parts, found })
    return found
  }

  /** What is told of it; `tell` says so for the first time. */
  told(found: readonly Found[], tell: () => readonly Told[]): readonly Told[] {
    const told = this.#told.get(found) ?? tell()
    this.#told.set(found, told)
    return told
  }

  #ownSame(before: Owners, after: Owners): boolean {
    if (this.#compared?.before !== before || this.#compared.after !== after)
      this.#compared = { before, after, same: ownSame(before, after) }
    return this.#compared.same
  }
}

function areSame(before: readonly Part[], after: readonly Part[]): boolean {
  return before.length === after.length && before.every((part, index) => isSamePart(part, after[index]))
}

function isSamePart(before: Part, after: Part): boolean {
  const by = after.from - before.from
  if (before.to + by !== after.to) return false
  for (let at = before.from; at < before.to; at++)
    if (before.rules[at] !== after.rules[at + by] || before.fates[at] !== after.fates[at + by]) return false
  return true
}

function asksSame(before: Reviewed, { listener, scope }: Pick<Reviewed, 'listener' | 'scope'>): boolean {
  const { port, bind, destination } = before.listener
  const { rules } = before.scope
  return (
    port === listener.port &&
    bind === listener.bind &&
    destination === listener.destination &&
    before.scope.port === scope.port &&
    isSameValue(before.scope.addresses, scope.addresses) &&
    isSameValue(before.scope.takes, scope.takes) &&
    rules.length === scope.rules.length &&
    rules.every((rule, at) => rule === scope.rules[at] || asksSameOf(rule, scope.rules[at]))
  )
}

/** Who else takes a name is told by its Gateway, and a scope by its number. */
function ownSame(before: Owners, after: Owners): boolean {
  if (before.size !== after.size) return false
  for (const [pattern, { number, gateway }] of before) {
    const now = after.get(pattern)
    if (now?.number !== number || now.gateway !== gateway) return false
  }
  return true
}

const asksSameOf = (left: Rule, right: Rule): boolean =>
  left.never === right.never &&
  left.port === right.port &&
  isSameValue(left.destinations, right.destinations) &&
  isSameValue(left.clients, right.clients) &&
  isSameValue(left.names, right.names) &&
  isSameValue(left.source, right.source)

/** A fate that names rules which are the same objects stays one, too. */
function renamed(review: ScopeReview, before: readonly Rule[], after: readonly Rule[]): ScopeReview {
  if (review.fates.every(fate => fate === null)) return review
  let moved: ReadonlyMap<Rule, Rule> | null = null // most fates name no rule
  const now = (rules: readonly Rule[]): readonly Rule[] => {
    if (rules.length === 0) return rules
    moved ??= new Map(before.flatMap((rule, at) => (rule === after[at] ? [] : [[rule, after[at]]])))
    const known = moved
    return rules.some(rule => known.has(rule)) ? rules.map(rule => known.get(rule) ?? rule) : rules
  }
  return { ...review, fates: review.fates.map(fate => fate && withTakers(fate, now)) }
}

function withTakers(fate: Fate, now: (rules: readonly Rule[]) => readonly Rule[]): Fate {
  const taken = <Part extends { readonly by: readonly Rule[] }>(parts: readonly Part[]): readonly Part[] =>
    parts.every(part => now(part.by) === part.by) ? parts : parts.map(part => ({ ...part, by: now(part.by) }))
  if (fate.kind === 'taken') {
    const by = now(fate.by)
    return by === fate.by ? fate : { ...fate, by }
  }
  if (fate.kind === 'impossible') return fate
  const names = taken(fate.names)
  if (fate.kind === 'unnamed') return names === fate.names ? fate : { ...fate, names }
  const ranges = taken(fate.ranges)
  return names === fate.names && ranges === fate.ranges ? fate : { ...fate, ranges, names }
}
