/**
 * Which rules of a scope are never used because earlier ones take all their connections.
 *
 * It compares the conditions besides the destination (asks.ts); destinations are covered by
 * prefixes, also by several together (prefix-cover.ts). The ranges of an earlier rule are added to
 * every condition that implies its own, so one look-up per rule shows whether it is covered. A rule
 * for several server names is looked up once for each.
 *
 * There are no false reports, but some cases are missed: client ranges that only several rules
 * together cover. client-findings.ts finds conditions that no client fulfils.
 */

import { type Cidr, parseCidr } from '../../address/address.ts'
import type { Listener, Rule, Scope } from '../../table/plan/plan.ts'
import { takesName } from '../../table/plan/server-name.ts'
import { Asks, namespacesOf, patternsAround } from './asks.ts'
import { PrefixCover } from './prefix-cover.ts'
import { EVERY, intersection } from './prefix-map.ts'

/** The fate of a rule in a scope. */
export type Fate =
  | {
      readonly kind: 'used'
      readonly ranges: readonly RangeFate[]
      readonly names: readonly NameFate[]
    }
  | { readonly kind: 'taken'; readonly by: readonly Rule[] }
  /**
   * `outside`: none of its ranges has an address of the scope. `nobody`: no client can match.
   */
  | { readonly kind: 'impossible'; readonly why: 'gateway' | 'port' | 'outside' | 'nobody' }
  /** The server of the scope takes none of its names. */
  | { readonly kind: 'unnamed'; readonly names: readonly NameFate[] }

/** The fate of one range of a rule whose other ranges are used. */
type RangeFate = {
  /** Index into the rule's destinations. */
  readonly range: number
  /** Rules that take all of it; none: it lies outside the addresses of the scope. */
  readonly by: readonly Rule[]
}

/** The fate of one server name of a rule. */
export type NameFate = {
  /** Index into the rule's names. */
  readonly name: number
  /** Rules that take all of it; none: the server of the scope does not take it. */
  readonly by: readonly Rule[]
  /** The Gateway whose server takes it instead, if there is one. */
  readonly owner: string | null
}

/** Which scope of a socket takes a server name, with its number in the Plan, and its Gateway. */
export type Owner = { readonly scope: Scope; readonly number: number; readonly gateway: string }
/** By pattern. */
export type Owners = ReadonlyMap<string, Owner>

export type ScopeReview = {
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

/** A rule's wildcard is split into at most this number of names of the scope. */
const NAMES_INSIDE_MAX = 64

const ANY: readonly Cidr[] = [EVERY[4], EVERY[6]]
const GATEWAY: Fate = { kind: 'impossible', why: 'gateway' }
const PORT: Fate = { kind: 'impossible', why: 'port' }
const OUTSIDE: Fate = { kind: 'impossible', why: 'outside' }
const NOBODY: Fate = { kind: 'impossible', why: 'nobody' }

/** @param owners  Of the scope's socket. */
export function reviewScope(listener: Listener, scope: Scope, owners: Owners): ScopeReview {
  return new Review(listener, scope, owners).run()
}

class Review {
  readonly #rules: readonly Rule[]
  /** The port of every connection of the scope; 0 if there are several. */
  readonly #port: number
  /** The destination of every connection of the scope; null: anywhere. */
  readonly #space: readonly Cidr[] | null
  readonly #scope: Scope
  readonly #owners: Owners
  readonly #asks = new Asks()
  /**
   * For each rule, for each of its server names, the numbers of its asks: none if the scope does
   * not take the name. A rule without names has one list, a contradiction has none.
   */
  readonly #asksOf: readonly (readonly (readonly number[])[])[]
  readonly #fates: (Fate | null)[]
  readonly #covers: PrefixCover[] = []
  /** The covers that an ask checks, and those that it adds its ranges to; both include itself. */
  #looksAt: readonly (readonly number[])[] = []
  #givesTo: readonly (readonly number[])[] = []

  constructor(listener: Listener, scope: Scope, owners: Owners) {
    this.#scope = scope
    this.#owners = owners
    this.#rules = scope.rules
    this.#port = scope.port || (listener.destination === 'local' ? listener.port : 0)
    this.#space = spaceOf(listener, scope)
    this.#fates = scope.rules.map(rule => this.#impossible(rule))
    this.#asksOf = scope.rules.map((rule, index) => (this.#fates[index] ? [] : this.#wishesOf(rule)))
  }

  run(): ScopeReview {
    const complete = this.#relate()
    for (const [index, rule] of this.#rules.entries()) {
      const asks = this.#asksOf[index]
      if (asks.length > 0) this.#fates[index] = this.#fateOf(rule, index, asks)
    }
    return { fates: this.#fates, complete }
  }

  #impossible(rule: Rule): Fate | null {
    if (rule.never !== null) return GATEWAY
    if (rule.port !== 0 && this.#port !== 0 && rule.port !== this.#port) return PORT
    if (rule.names?.every(name => this.#inside(name).length === 0))
      return { kind: 'unnamed', names: rule.names.map((_, name) => this.#untaken(rule, name)) }
    return namespacesOf(rule.source)?.length === 0 ? NOBODY : null
  }

  #wishesOf(rule: Rule): number[][] {
    const port = this.#port === 0 ? rule.port : 0
    if (rule.names === undefined) return [[this.#asks.indexOf(rule, port, undefined)]]
    return rule.names.map(name => this.#inside(name).map(each => this.#asks.indexOf(rule, port, each)))
  }

  /** The part of a name or pattern that the scope takes: all of it, or the patterns inside it. */
  #inside(name: string): readonly string[] {
    const { takes } = this.#scope
    if (takes === undefined || this.#ownerOf(name)?.scope === this.#scope) return [name]
    if (name === '*' && takes.plain) return [name] // and what is not TLS
    if (!name.startsWith('*')) return []
    const inside = takes.names.filter(each => takesName(name, each))
    return inside.length <= NAMES_INSIDE_MAX ? inside : [name]
  }

  /** The scope that takes all of a name: the most specific pattern around it decides. */
  #ownerOf(name: string): Owner | undefined {
    const pattern = patternsAround(name).find(each => this.#owners.has(each))
    return pattern === undefined ? undefined : this.#owners.get(pattern)
  }

  #untaken({ names = [] }: Rule, name: number): NameFate {
    return { name, by: [], owner: this.#ownerOf(names[name])?.gateway ?? null }
  }

  /** Decides which asks check which ranges; false if that is not complete. */
  #relate(): boolean {
    const { lists: wider, complete } = this.#asks.wider()
    for (const _ of wider) this.#covers.push(new PrefixCover())
    const own = wider.map((_, ask) => [ask])
    const narrower = wider.map((_, ask) => [ask])
    for (const [narrow, wides] of wider.entries()) for (const wide of wides) narrower[wide].push(narrow)
    let given = 0
    for (const ask of this.#asksOf.flat(2)) given += narrower[ask].length
    const affordable = given <= Math.max(GIVEN_LEAST, GIVEN_PER_RULE * this.#rules.length)
    this.#looksAt = affordable ? own : wider.map((wides, ask) => [ask, ...wides.slice(0, LOOKED_AT_MAX)])
    this.#givesTo = affordable ? narrower : own
    return complete && affordable
  }

  #fateOf(rule: Rule, index: number, byName: readonly (readonly number[])[]): Fate | null {
    const ranges = this.#rangesOf(rule)
    if (ranges.every(range => range.length === 0)) return OUTSIDE
    const all = byName.flat()
    const taken = ranges.map(range => this.#areTaken(range, all))
    if (taken.every(Boolean)) return { kind: 'taken', by: this.#takersOf(ranges.flat(), all) }
    const names = this.#nameFates(rule, ranges.flat(), byName)
    const dead = taken.includes(true) ? this.#rangeFates(ranges, taken, all) : []
    for (const to of new Set(all.flatMap(ask => this.#givesTo[ask]))) {
      for (const range of ranges) for (const cidr of range) this.#covers[to].add(cidr, index)
    }
    return names.length + dead.length === 0 ? null : { kind: 'used', ranges: dead, names }
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

  #areTaken(cidrs: readonly Cidr[], asks: readonly number[]): boolean {
    return asks.every(ask => cidrs.every(cidr => this.#coverOf(cidr, ask) !== undefined))
  }

  /** The cover in which earlier rules take all of a range from an ask. */
  #coverOf(cidr: Cidr, ask: number): PrefixCover | undefined {
    const found = this.#looksAt[ask].find(other => this.#covers[other].has(cidr))
    return found === undefined ? undefined : this.#covers[found]
  }

  #takersOf(cidrs: readonly Cidr[], asks: readonly number[]): Rule[] {
    const indexes = asks.flatMap(ask => cidrs.flatMap(cidr => this.#coverOf(cidr, ask)?.takersOf(cidr) ?? []))
    return [...new Set(indexes)].sort((left, right) => left - right).map(index => this.#rules[index])
  }

  #rangeFates(
    ranges: readonly (readonly Cidr[])[],
    taken: readonly boolean[],
    asks: readonly number[],
  ): RangeFate[] {
    return ranges.flatMap((cidrs, range) =>
      taken[range] ? [{ range, by: this.#takersOf(cidrs, asks) }] : [],
    )
  }

  /** Names of a rule that is used for others. */
  #nameFates(
    rule: Rule,
    cidrs: readonly Cidr[],
    byName: readonly (readonly number[])[],
  ): readonly NameFate[] {
    if (byName.length < 2) return NO_NAMES
    return byName.flatMap((asks, name) => {
      if (asks.length === 0) return [this.#untaken(rule, name)]
      return this.#areTaken(cidrs, asks) ? [{ name, by: this.#takersOf(cidrs, asks), owner: null }] : []
    })
  }
}

const NO_NAMES: readonly NameFate[] = []

function spaceOf({ bind, destination }: Listener, { addresses }: Scope): readonly Cidr[] | null {
  if (addresses.length > CLIPPED_MAX) return null
  if (addresses.length > 0) return addresses
  if (destination === 'original' || bind === '' || bind === '::') return null
  if (bind === '0.0.0.0') return [EVERY[4]]
  const own = parseCidr(bind)
  return own && [own]
}
