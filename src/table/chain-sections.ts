/** Writes the sections that the classifier finds a scope's rules in: chains, their shortlists, and cells. */

import { assert } from '../base/assert.ts'
import { CellWriter } from './cells.ts'
import type { Chain } from './chains.ts'
import { ANY_NODE } from './find-node.ts'
import { Chain as ChainRow, LONG } from './layout.ts'
import type { NodeOrder } from './node-set.ts'
import { ABSENT, PairIndexBuilder } from './pair-index.ts'
import { isComplete, type Shortlist, Shortlists } from './shortlists.ts'

/** The shortlist of a destination node where no other chain has one. */
export type OnlyShortlist = { readonly chain: number; readonly shortlist: number }

/**
 * The words of all chains, and the shortlists that are found by their node alone.
 *
 * @param chains   In the order of their rows; those of a scope stand together.
 * @param parents  Those of the destination nodes.
 * @param clients  The order of the client nodes.
 */
export function chainSections(chains: readonly Chain[], parents: Uint32Array, clients: NodeOrder) {
  const writer = new ChainWriter(parents, clients)
  for (const ofScope of Map.groupBy(chains, chain => chain.scope).values()) writer.addScope(ofScope)
  return writer.finish()
}

class ChainWriter {
  readonly #parents: Uint32Array
  readonly #clients: NodeOrder
  readonly #chains: number[] = []
  readonly #chainIndex = new PairIndexBuilder()
  readonly #shortlists: number[] = []
  readonly #shortlistIndex = new PairIndexBuilder()
  readonly #cells: CellWriter
  /** By destination node: chain and shortlist, in turn. */
  readonly #shortlistsOf = new Map<number, number[]>()

  constructor(parents: Uint32Array, clients: NodeOrder) {
    this.#parents = parents
    this.#clients = clients
    this.#cells = new CellWriter(parents)
  }

  addScope(chains: readonly Chain[]): void {
    const ofAnyPort = chains.find(chain => chain.port === 0)
    const anyPort = ofAnyPort ? new Shortlists(ofAnyPort, null, this.#parents, this.#clients) : null
    const shortlists = chains.map(chain =>
      chain === ofAnyPort && anyPort ? anyPort : new Shortlists(chain, anyPort, this.#parents, this.#clients),
    )
    const isShort = chains.every((chain, index) =>
      [ANY_NODE, ...chain.cells.keys()].every(node => isComplete(shortlists[index].at(node))),
    )
    for (const [index, chain] of chains.entries()) this.#addChain(chain, shortlists[index], isShort)
  }

  #addChain(chain: Chain, shortlists: Shortlists, isShort: boolean): void {
    const { row, scope, port, least, cells } = chain
    assert(row === this.#chains.length / ChainRow.WORDS, `chain ${row} is out of turn`)
    if (port !== 0) this.#chainIndex.add(scope, port, row)
    const words = isShort ? new Map<number, number>() : this.#cells.addChain(chain)
    const add = (node: number): number => this.#addShortlist(shortlists.at(node), words.get(node) ?? ABSENT)
    const anywhere = shortlists.at(ANY_NODE)
    this.#chains.push(
      least,
      isComplete(anywhere) && anywhere.candidates.length === 0 ? ABSENT : add(ANY_NODE),
    )
    for (const node of cells.keys()) {
      if (node !== ANY_NODE) this.#shortlistsOf.getOrInsertComputed(node, () => []).push(row, add(node))
    }
  }

  /** Writes a shortlist and returns its word. */
  #addShortlist(shortlist: Shortlist, cell: number): number {
    const at = this.#shortlists.length
    if (isComplete(shortlist)) {
      this.#shortlists.push(shortlist.candidates.length, cell)
      for (const { condition, first, span, row, route } of shortlist.candidates) {
        this.#shortlists.push(condition, first, span, row, route)
      }
    } else {
      this.#shortlists.push(LONG, cell)
    }
    return at
  }

  /** By destination node, for those where just one chain has a shortlist; the others go into the index. */
  #onlyShortlists(): Map<number, OnlyShortlist> {
    const only = new Map<number, OnlyShortlist>()
    for (const [node, found] of this.#shortlistsOf) {
      if (found.length === 2) only.set(node, { chain: found[0], shortlist: found[1] })
      else
        for (let at = 0; at < found.length; at += 2) this.#shortlistIndex.add(found[at], node, found[at + 1])
    }
    return only
  }

  finish() {
    const onlyShortlists = this.#onlyShortlists()
    const sections = {
      chains: Uint32Array.from(this.#chains),
      chainIndex: this.#chainIndex.finish(),
      shortlists: Uint32Array.from(this.#shortlists),
      shortlistIndex: this.#shortlistIndex.finish(),
      ...this.#cells.finish(),
    }
    return { sections, onlyShortlists }
  }
}
