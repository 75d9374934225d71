/**
 * The rows of rules and their prefixes, scope by scope. Rows that the table before has, too, are
 * copied: only the numbers of what they point to are adapted.
 */

import type { Cidr } from '../../address/address.ts'
import { assert } from '../../base/assert.ts'
import { type PackedRules, RulesPacker } from '../format/cold-rules.ts'
import { Prefix, Rule as Row } from '../format/routing-layout.ts'
import type { Rule, Scope, ScopeDefault, SourceCondition } from '../plan/plan.ts'
import type { BuildMemory } from './build-memory.ts'
import type { ClientNodes } from './client-nodes.ts'
import { type KeptRules, sameEnds } from './kept-rules.ts'
import { type Interned, isPortOrAny, Rows } from './rows.ts'

/** What a row is for: a rule, or a default. */
type Ruled = Omit<Rule, 'origin' | 'never'>

/** A rule's conditions and route, with the row that it has in the table. */
export type PlacedRule = {
  readonly rule: Ruled
  readonly row: number
  readonly condition: number
}

/** Rows of a table that is built. */
type RuleWords = { readonly rules: Uint32Array; readonly prefixes: Uint32Array }

export class RuleRows {
  /** Of each scope so far, in their order. */
  readonly scopes: KeptRules[] = []
  readonly #rules = new Rows(Row.WORDS)
  readonly #prefixes = new Rows(Prefix.WORDS)
  readonly #conditions: Interned<SourceCondition>
  readonly #clients: ClientNodes
  readonly #memory: BuildMemory | null
  readonly #before: RuleWords | null
  /** The conditions of the table before, as they are numbered now. */
  readonly #moved = new Map<number, number>()

  constructor(conditions: Interned<SourceCondition>, clients: ClientNodes, memory: BuildMemory | null) {
    this.#conditions = conditions
    this.#clients = clients
    this.#memory = memory
    const routing = memory?.last?.routing
    this.#before = routing ? { rules: routing.words('rules'), prefixes: routing.words('prefixes') } : null
  }

  get words(): RuleWords {
    return { rules: this.#rules.words(), prefixes: this.#prefixes.words() }
  }

  get count(): number {
    return this.#rules.count
  }

  /** Writes the rows of a scope's rules and defaults; returns the rules for people. */
  addScope(scope: Scope): PackedRules {
    const packer = new RulesPacker(scope.rules.length)
    const kept = this.#memory?.last?.scopes[this.scopes.length]
    if (kept && this.#before) this.#addChanged(scope, { ...kept, words: this.#before }, packer)
    else this.#addRules(scope, 0, scope.rules.length, packer)
    const packed = packer.finish()
    this.scopes.push({ scope, packed })
    return packed
  }

  /** Runs of the section `prefixes`. */
  addPrefixes(cidrs: readonly Cidr[]): [first: number, count: number] {
    const first = this.#prefixes.count
    for (const { family, bits, words } of cidrs)
      this.#prefixes.add(family, bits, words[0], words[1], words[2], words[3])
    return [first, cidrs.length]
  }

  /** The rows of a scope, with what they are for. */
  placedIn(scope: Scope, firstRow: number): PlacedRule[] {
    const placed: PlacedRule[] = []
    const words = this.#rules.words()
    const place = (rule: Ruled): void => {
      const row = firstRow + placed.length
      placed.push({ rule, row, condition: words[row * Row.WORDS + Row.condition] })
    }
    inOrder(scope, 0, scope.rules.length, {
      rule: rule => rule.never === null && place(rule),
      default: each => place(ruledBy(each)),
    })
    return placed
  }

  #addChanged(scope: Scope, before: KeptRules & { words: RuleWords }, packer: RulesPacker): void {
    const { head, tail } = sameEnds(before.scope, scope)
    const [old, now] = [before.scope.rules, scope.rules]
    this.#copy(before, 0, now.slice(0, head), packer)
    this.#addRules(scope, head, now.length - tail, packer)
    this.#copy(before, old.length - tail, now.slice(now.length - tail), packer)
  }

  #addRules(scope: Scope, from: number, to: number, packer: RulesPacker): void {
    inOrder(scope, from, to, {
      rule: rule => {
        const { origin, never, names } = rule
        packer.add(origin, never, never === null ? this.#addRow(rule) : -1, names)
      },
      default: each => this.#addRow(ruledBy(each)),
    })
  }

  #addRow({ port, destinations, clients, source, route }: Ruled): number {
    assert(isPortOrAny(port), `a rule asks for the port ${port}`)
    const condition = this.#conditionOf(source)
    // Includes rules that no name leads to: a later clients part reads the prefixes of all rows.
    this.#clients.idsOf(clients)
    const [firstDestination, destinationCount] = this.addPrefixes(destinations)
    const [firstClient, clientCount] = this.addPrefixes(clients)
    return this.#rules.add(
      port,
      firstDestination,
      destinationCount,
      firstClient,
      clientCount,
      condition,
      route,
    )
  }

  /** Most rules ask for nothing, which needs no comparison. */
  #conditionOf(source: SourceCondition): number {
    const { namespace, labels, visibleTo, identity } = source
    const asksNothing = namespace === null && visibleTo === null && identity === undefined
    if (asksNothing && Object.keys(labels).length === 0) return 0
    return this.#conditions.indexOf(source)
  }

  /** Copies the rows of some rules, which the table before has from its rule `from` on. */
  #copy(
    { packed, words }: KeptRules & { words: RuleWords },
    from: number,
    rules: readonly Rule[],
    packer: RulesPacker,
  ): void {
    const copied = packer.copy(packed, from, from + rules.length, this.count)
    if (this.#memory) this.#memory.rules += copied.count
    if (copied.count === 0) return
    const start = this.#rules.append(words.rules, copied.firstRow, copied.count)
    const all = this.#rules.words()
    const last = (start + copied.count - 1) * Row.WORDS
    const prefixes = all[start * Row.WORDS + Row.firstDestination]
    const end = all[last + Row.firstClient] + all[last + Row.clientCount]
    const by = this.#prefixes.append(words.prefixes, prefixes, end - prefixes) - prefixes
    let at = start * Row.WORDS
    for (const { never, clients, source, route } of rules) {
      if (never !== null) continue
      if (clients.length > 0) this.#clients.idsOf(clients)
      all[at + Row.firstDestination] += by
      all[at + Row.firstClient] += by
      const condition = all[at + Row.condition]
      if (condition !== 0)
        all[at + Row.condition] = this.#moved.getOrInsertComputed(condition, () => this.#conditionOf(source))
      all[at + Row.route] = route
      at += Row.WORDS
    }
  }
}

/** Visits the rules [from, to) of a scope and its defaults, in the order of evaluation. */
function inOrder(
  { rules, defaults = [] }: Scope,
  from: number,
  to: number,
  visit: { readonly rule: (rule: Rule) => void; readonly default: (each: ScopeDefault) => void },
): void {
  let next = 0
  for (let index = from; index < to; index++) {
    for (; next < defaults.length && defaults[next].after <= index; next++) visit.default(defaults[next])
    visit.rule(rules[index])
  }
  for (; next < defaults.length; next++) visit.default(defaults[next])
}

/** A row without a rule: it leads to a default. */
const ruledBy = ({ visibleTo, route }: ScopeDefault): Ruled => ({
  destinations: [],
  port: 0,
  clients: [],
  source: { namespace: null, labels: {}, visibleTo },
  route,
})
