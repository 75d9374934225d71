/**
 * Which rules of a scope are never used because earlier ones take all their connections.
 *
 * It compares the conditions besides the destination (asks.ts); destinations are covered by
 * prefixes, also by several together (prefix-cover.ts). The ranges of an earlier rule are added to
 * every condition that implies its own, so one look-up per rule shows whether it is covered.
 *
 * There are no false reports, but some cases are missed: client ranges that only several rules
 * together cover. client-findings.ts finds conditions that no client fulfils.
 */

import { type Cidr, parseCidr } from '../../address/address.ts'
import type { Listener, Rule, Scope } from '../../table/plan/plan.ts'
import { takesName } from '../../table/plan/server-name.ts'
import { Asks, namespacesOf } from './asks.ts'
import { PrefixCover } from './prefix-cover.ts'
import { EVERY, intersection } from './prefix-map.ts'

/** The fate of a rule in a scope. */
export type Fate =
  | { readonly kind: 'used'; readonly ranges: readonly RangeFate[] }
  | { readonly kind: 'taken'; readonly by: readonly Rule[] }
  /**
   * `outside`: none of its ranges has an address of the scope. `nobody`: no client can match.
   * `name`: no server of the scope takes a name that it asks for.
   */
  | { readonly kind: 'impossible'; readonly why: 'gateway' | 'port' | 'outside' | 'nobody' | 'name' }

/** The fate of one range of a rule whose other ranges are used. */
type RangeFate = {
  /** Index into the rule's destinations. */
  readonly range: number
  /** Rules that take all of it; none: it lies outside the addresses of the scope. */
  readonly by: readonly Rule[]
}

type ScopeReview = {
  /** One per rule, in order; null: the whole rule is used. */
  readonly fates: readonly (Fate | null)[]
  /**
   * False if there were too many combinations to find coverage by rules with different conditions.
   */
  readonly complete: boolean
}

/**
 * Addresses of a service to which its rules are cut; with more addresses, ranges stay as written.
 */
const CLIPPED_MAX = 64
/**
 * Ranges per rule that are added to the asks of other rules; beyond that each ask keeps its own.
 */
const GIVEN_PER_RULE = 8
const GIVEN_LEAST = 100_000
/** Other asks whose ranges a rule checks if they were not added to its own. */
const LOOKED_AT_MAX = 64

const ANY: readonly Cidr[] = [EVERY[4], EVERY[6]]
const GATEWAY: Fate = { kind: 'impossible', why: 'gateway' }
const PORT: Fate = { kind: 'impossible', why: 'port' }
const OUTSIDE: Fate = { kind: 'impossible', why: 'outside' }
const NOBODY: Fate = { kind: 'impossible', why: 'nobody' }
const NAME: Fate = { kind: 'impossible', why: 'name' }

export function reviewScope(listener: Listener, scope: Scope): ScopeReview {
  return new Review(listener, scope).run()
}

class Review {
  readonly #rules: readonly Rule[]
  /** The port of every connection of the scope; 0 if there are several. */
  readonly #port: number
  /** The destination of every connection of the scope; null: anywhere. */
  readonly #space: readonly Cidr[] | null
  /** Patterns of the server names that the scope takes; absent: any. */
  readonly #takes: readonly string[] | undefined
  readonly #asks = new Asks()
  /** For each rule the number of its ask; −1 for a contradiction. */
  readonly #askOf: Int32Array
  readonly #fates: (Fate | null)[]
  readonly #covers: PrefixCover[] = []
  /** The covers that an ask checks, and those that it adds its ranges to; both include itself. */
  #looksAt: readonly (readonly number[])[] = []
  #givesTo: readonly (readonly number[])[] = []

  constructor(listener: Listener, scope: Scope) {
    this.#rules = scope.rules
    this.#port = scope.port || (listener.destination === 'local' ? listener.port : 0)
    this.#space = spaceOf(listener, scope)
    this.#takes = scope.takes?.names
    this.#fates = scope.rules.map(rule => this.#impossible(rule))
    this.#askOf = Int32Array.from(scope.rules, (rule, index) =>
      this.#fates[index]
        ? -1
        : this.#asks.indexOf(rule, this.#port === 0 ? rule.port : 0, this.#namesOf(rule)),
    )
  }

  run(): ScopeReview {
    const complete = this.#relate()
    for (const [index, rule] of this.#rules.entries()) {
      const ask = this.#askOf[index]
      if (ask >= 0) this.#fates[index] = this.#fateOf(rule, index, ask)
    }
    return { fates: this.#fates, complete }
  }

  #impossible(rule: Rule): Fate | null {
    if (rule.never !== null) return GATEWAY
    if (rule.port !== 0 && this.#port !== 0 && rule.port !== this.#port) return PORT
    if (this.#namesOf(rule)?.length === 0) return NAME
    return namespacesOf(rule.source)?.length === 0 ? NOBODY : null
  }

  /** The names that a rule asks for, limited to those that the scope takes. */
  #namesOf({ names }: Rule): readonly string[] | undefined {
    const takes = this.#takes
    if (names === undefined || takes === undefined) return names
    const common = names.flatMap(asked => [
      ...(takes.some(each => takesName(each, asked)) ? [asked] : []),
      ...takes.filter(each => each !== asked && takesName(asked, each)),
    ])
    // Asking for everything that the scope takes is no condition.
    return takes.every(each => common.some(one => takesName(one, each))) ? undefined : common
  }

  /** Decides which asks check which ranges; false if that is not complete. */
  #relate(): boolean {
    const { lists: wider, complete } = this.#asks.wider()
    for (const _ of wider) this.#covers.push(new PrefixCover())
    const own = wider.map((_, ask) => [ask])
    const narrower = wider.map((_, ask) => [ask])
    for (const [narrow, wides] of wider.entries()) for (const wide of wides) narrower[wide].push(narrow)
    let given = 0
    for (const ask of this.#askOf) if (ask >= 0) given += narrower[ask].length
    const affordable = given <= Math.max(GIVEN_LEAST, GIVEN_PER_RULE * this.#rules.length)
    this.#looksAt = affordable ? own : wider.map((wides, ask) => [ask, ...wides.slice(0, LOOKED_AT_MAX)])
    this.#givesTo = affordable ? narrower : own
    return complete && affordable
  }

  #fateOf(rule: Rule, index: number, ask: number): Fate | null {
    const ranges = this.#rangesOf(rule)
    if (ranges.every(range => range.length === 0)) return OUTSIDE
    const taken = ranges.map(range => range.every(cidr => this.#isTaken(cidr, ask)))
    if (taken.every(Boolean)) return { kind: 'taken', by: this.#takersOf(ranges.flat(), ask) }
    const fates = taken.includes(true) ? this.#rangeFates(ranges, taken, ask) : null
    for (const to of this.#givesTo[ask]) {
      for (const range of ranges) for (const cidr of range) this.#covers[to].add(cidr, index)
    }
    return fates && { kind: 'used', ranges: fates }
  }

  /**
   * The parts of a rule's ranges inside the scope; a rule without ranges has one, the whole scope.
   */
  #rangesOf({ destinations }: Rule): readonly (readonly Cidr[])[] {
    const space = this.#space
    if (destinations.length === 0) return [space ?? ANY]
    return destinations.map(cidr =>
      space === null ? [cidr] : space.flatMap(each => intersection(cidr, each) ?? []),
    )
  }

  #isTaken(cidr: Cidr, ask: number): boolean {
    return this.#looksAt[ask].some(other => this.#covers[other].has(cidr))
  }

  #takersOf(cidrs: readonly Cidr[], ask: number): Rule[] {
    const indexes = cidrs.flatMap(cidr => {
      const cover = this.#looksAt[ask].find(other => this.#covers[other].has(cidr))
      return cover === undefined ? [] : this.#covers[cover].takersOf(cidr)
    })
    return [...new Set(indexes)].sort((left, right) => left - right).map(index => this.#rules[index])
  }

  #rangeFates(ranges: readonly (readonly Cidr[])[], taken: readonly boolean[], ask: number): RangeFate[] {
    return ranges.flatMap((cidrs, range) => (taken[range] ? [{ range, by: this.#takersOf(cidrs, ask) }] : []))
  }
}

function spaceOf({ bind, destination }: Listener, { addresses }: Scope): readonly Cidr[] | null {
  if (addresses.length > CLIPPED_MAX) return null
  if (addresses.length > 0) return addresses
  if (destination === 'original' || bind === '' || bind === '::') return null
  if (bind === '0.0.0.0') return [EVERY[4]]
  const own = parseCidr(bind)
  return own && [own]
}
