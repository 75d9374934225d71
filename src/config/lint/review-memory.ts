/**
 * The fates of rules in the last Plan, for the scopes of the next one whose rules ask for the same.
 *
 * A fate follows from what the rules of its scope ask for, and not from where they lead or are
 * written. The rules that it names become those at the same positions.
 */

import { isSameValue } from '../../base/same-value.ts'
import type { Listener, Rule, Scope } from '../../table/plan/plan.ts'
import type { Fate, Owners, ScopeReview } from './review-scope.ts'

type Reviewed = {
  readonly listener: Listener
  readonly scope: Scope
  readonly owners: Owners
  readonly review: ScopeReview
}

export class ReviewMemory {
  /** Scopes whose fates were taken over, since the start. */
  reused = 0
  /** By the number of the scope in the Plan. */
  #last: readonly Reviewed[] = []
  #next: Reviewed[] = []
  /** What was compared last: all scopes of a socket, perhaps thousands, have the same owners. */
  #compared: { readonly before: Owners; readonly after: Owners; readonly same: boolean } | null = null

  /** Begins a Plan. */
  begin(): void {
    this.#last = this.#next
    this.#next = []
  }

  /** Ends it: what the last one had is let go of. */
  end(): void {
    this.#last = []
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

  #ownSame(before: Owners, after: Owners): boolean {
    if (this.#compared?.before !== before || this.#compared.after !== after)
      this.#compared = { before, after, same: ownSame(before, after) }
    return this.#compared.same
  }
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

function renamed(review: ScopeReview, before: readonly Rule[], after: readonly Rule[]): ScopeReview {
  if (review.fates.every(fate => fate === null)) return review
  let indexes: ReadonlyMap<Rule, number> | null = null // most fates name no rule
  const now = (rules: readonly Rule[]): readonly Rule[] => {
    if (rules.length === 0) return rules
    indexes ??= new Map(before.map((rule, at) => [rule, at]))
    const known = indexes
    return rules.map(rule => after[known.get(rule) ?? -1])
  }
  return { ...review, fates: review.fates.map(fate => fate && withTakers(fate, now)) }
}

function withTakers(fate: Fate, now: (rules: readonly Rule[]) => readonly Rule[]): Fate {
  const taken = <Part extends { readonly by: readonly Rule[] }>(parts: readonly Part[]): readonly Part[] =>
    parts.map(part => ({ ...part, by: now(part.by) }))
  if (fate.kind === 'used') return { ...fate, ranges: taken(fate.ranges), names: taken(fate.names) }
  if (fate.kind === 'taken') return { ...fate, by: now(fate.by) }
  return fate.kind === 'unnamed' ? { ...fate, names: taken(fate.names) } : fate
}
