/**
 * Parts: the rules of a scope grouped by their conditions on the client, for scopes whose
 * shortlists would be long.
 *
 *   (scope, condition)    ─▶ group    the rules that ask for one source condition (0: for none)
 *   (group, client node)  ─▶ part     … and for one client prefix; a group's row names that for any client
 *
 * The rules of a part differ only in their destinations. A client fulfils few conditions and is in
 * few prefixes, so only few parts matter to it. A small part lists its rules; a large one has
 * chains and shortlists, like a scope. As all its rules take the same clients, each shortlist has
 * one candidate.
 */

import { PART_LISTED_MAX, Part } from '../format/classifier-layout.ts'
import { ABSENT, PairIndexBuilder } from '../format/pair-index.ts'
import { ANY_NODE } from '../match/find-node.ts'
import { type Chain, type ChainsByPort, type PlacedRule, rulesOf } from './chains.ts'

/** A part by its word, with its rules, ascending by row. */
export type LargePart = { readonly part: number; readonly rules: readonly PlacedRule[] }

export class PartWriter {
  readonly #spans: Uint32Array
  readonly #groups: number[] = []
  readonly #groupIndex = new PairIndexBuilder()
  readonly #parts: number[] = []
  readonly #partIndex = new PairIndexBuilder()
  /** Those that get chains. */
  readonly large: LargePart[] = []

  /** @param spans  By destination node: the number of nodes inside it. */
  constructor(spans: Uint32Array) {
    this.#spans = spans
  }

  addScope(scope: number, chains: readonly Chain[]): void {
    const rules = rulesOf(chains).sort((a, b) => a.row - b.row)
    for (const [condition, ofGroup] of Map.groupBy(rules, rule => rule.condition)) {
      this.#groupIndex.add(scope, condition, this.#addGroup(ofGroup))
    }
  }

  /** Writes the group of `rules`, which are ascending by row, and returns its word. */
  #addGroup(rules: readonly PlacedRule[]): number {
    const at = this.#groups.length
    let clients = 0
    let ofAnyone = ABSENT
    for (const [client, ofPart] of Map.groupBy(rules, rule => rule.client)) {
      const part = this.#addPart(ofPart)
      if (client === ANY_NODE) {
        ofAnyone = part
        continue
      }
      clients |= 1 << (client & 31)
      this.#partIndex.add(at, client, part)
    }
    this.#groups.push(rules[0].row, ofAnyone, clients)
    return at
  }

  /** Writes a part and returns its word. */
  #addPart(rules: readonly PlacedRule[]): number {
    const part = this.#parts.length
    const isLarge = rules.length > PART_LISTED_MAX
    if (isLarge) this.large.push({ part, rules })
    this.#parts.push(rules[0].row, isLarge ? 0 : rules.length, ABSENT, 0)
    const listed = isLarge ? [] : rules
    for (const { destination, port, row, route } of listed) {
      this.#parts.push(destination, this.#spans[destination], port, row, route)
    }
    return part
  }

  /** Records how to find the chains of a large part. */
  setChains(part: number, { anyPortChain, ports }: ChainsByPort): void {
    this.#parts[part + Part.anyPortChain] = anyPortChain
    this.#parts[part + Part.ports] = ports
  }

  finish() {
    return {
      groups: Uint32Array.from(this.#groups),
      groupIndex: this.#groupIndex.finish(),
      parts: Int32Array.from(this.#parts),
      partIndex: this.#partIndex.finish(),
    }
  }
}
