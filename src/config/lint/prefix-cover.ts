/**
 * The addresses that earlier rules have taken, and the rules that took them.
 *
 * Prefixes are added in the order of the rules. If both halves of a prefix are taken, so is the
 * prefix, and so on upwards. So a range is taken, by one rule or several together, exactly if it or
 * a range around it is in the map. Adding and asking cost one look-up per prefix length, and no
 * walk over rules.
 */

import type { Cidr } from '../../address/address.ts'
import { PrefixMap, parentOf, siblingOf } from './prefix-map.ts'

/** Rules that a message may name; it only mentions that there are more. */
const TAKERS_MAX = 8

export class PrefixCover {
  /** The rule that took a prefix; −1 − n for the parent of pair n. */
  readonly #takers = new PrefixMap<number>()
  readonly #pairs: (readonly [number, number])[] = []

  has(cidr: Cidr): boolean {
    return this.#takers.nearest(cidr) !== undefined
  }

  /**
   * Rules that together take all of `cidr`, none if it is not taken; at most TAKERS_MAX of them.
   */
  takersOf(cidr: Cidr): readonly number[] {
    const taker = this.#takers.nearest(cidr)
    const rules = new Set<number>()
    if (taker !== undefined) this.#collect(taker, rules)
    return [...rules]
  }

  /** Assigns the rest of `cidr` to `rule`. */
  add(cidr: Cidr, rule: number): void {
    if (this.has(cidr)) return
    this.#takers.set(cidr, rule)
    let taken = cidr
    let taker = rule
    while (taken.bits > 0) {
      const other = this.#takers.get(siblingOf(taken))
      if (other === undefined) return
      this.#pairs.push([other, taker])
      taker = -this.#pairs.length
      taken = parentOf(taken)
      this.#takers.set(taken, taker)
    }
  }

  #collect(taker: number, rules: Set<number>): void {
    const open = [taker]
    for (let next = open.pop(); next !== undefined && rules.size < TAKERS_MAX; next = open.pop()) {
      if (next >= 0) rules.add(next)
      else open.push(...this.#pairs[-next - 1].toReversed())
    }
  }
}
