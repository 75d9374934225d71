/**
 * Writes the sections in which the classifier finds a scope's rules: chains, their shortlists, and
 * parts.
 */

import { assert } from '../../base/assert.ts'
import { PART_CHAINS } from '../format/classifier-layout.ts'
import { ABSENT, PairIndexBuilder } from '../format/pair-index.ts'
import { ANY_NODE } from '../match/find-node.ts'
import { addToChain, byPort, type Chain, createChain } from './chains.ts'
import { spansOf } from './node-set.ts'
import { type LargePart, PartWriter } from './parts.ts'
import { ShortlistWriter } from './shortlist-writer.ts'
import { isComplete, Shortlists } from './shortlists.ts'

/**
 * The words of all chains, including those of large parts, and the shortlists that the node alone
 * finds.
 *
 * @param chains        In the order of their rows; those of a scope are contiguous.
 * @param destinations  By destination node: the next wider one.
 * @param clients       The same by client node.
 */
export function chainSections(chains: readonly Chain[], destinations: Uint32Array, clients: Uint32Array) {
  const writer = new ChainWriter(destinations, clients)
  for (const ofScope of Map.groupBy(chains, chain => chain.scope).values()) writer.addScope(ofScope)
  return writer.finish()
}

class ChainWriter {
  readonly #parents: Uint32Array
  readonly #clientSpans: Uint32Array
  #written = 0
  readonly #chains: number[] = []
  readonly #chainIndex = new PairIndexBuilder()
  readonly #shortlists = new ShortlistWriter()
  readonly #parts: PartWriter

  constructor(parents: Uint32Array, clients: Uint32Array) {
    this.#parents = parents
    this.#clientSpans = spansOf(clients)
    this.#parts = new PartWriter(spansOf(parents))
  }

  addScope(chains: readonly Chain[]): void {
    const isShort = this.#addChains(chains)
    if (!isShort) this.#parts.addScope(chains[0].scope, chains)
  }

  /** Writes the chains of a scope or part; returns whether all their shortlists are complete. */
  #addChains(chains: readonly Chain[]): boolean {
    const ofAnyPort = chains.find(chain => chain.port === 0)
    const anyPort = ofAnyPort ? new Shortlists(ofAnyPort, null, this.#parents, this.#clientSpans) : null
    const isShort = chains.map(chain => {
      const isAnyPort = chain === ofAnyPort && anyPort !== null
      return this.#addChain(
        chain,
        isAnyPort ? anyPort : new Shortlists(chain, anyPort, this.#parents, this.#clientSpans),
      )
    })
    return isShort.every(Boolean)
  }

  /** Writes a chain; returns whether all its shortlists are complete. */
  #addChain(chain: Chain, shortlists: Shortlists): boolean {
    const { row, scope, port, cells } = chain
    assert(row === this.#written, `chain ${row} is out of turn`)
    this.#written++
    if (port !== 0) this.#chainIndex.add(scope, port, row)
    const anywhere = shortlists.at(ANY_NODE)
    const isNothing = isComplete(anywhere) && anywhere.candidates.length === 0
    const nodes = [...cells.keys()].filter(node => node !== ANY_NODE && !shortlists.isNeedless(node))
    this.#chains.push(isNothing ? ABSENT : this.#shortlists.write(anywhere), 0, 0, 0, 0)
    let isShort = isComplete(anywhere)
    for (const node of nodes) {
      const shortlist = shortlists.at(node)
      isShort &&= isComplete(shortlist)
      this.#shortlists.place(node, row, shortlist)
    }
    return isShort
  }

  /** Writes the chains of a part, whose rules have no client conditions left. */
  #addPart({ part, rules }: LargePart): void {
    const chains = new Map<number, Chain>()
    for (const { destination, port, row, route } of rules) {
      const chain = chains.getOrInsertComputed(port, () =>
        createChain(this.#written + chains.size, PART_CHAINS + part, port),
      )
      addToChain(chain, destination, ANY_NODE, { condition: 0, row, route })
    }
    const list = [...chains.values()]
    const isShort = this.#addChains(list)
    assert(isShort, `part ${part} has a long shortlist`)
    this.#parts.setChains(part, byPort(list))
  }

  finish() {
    for (const large of this.#parts.large) this.#addPart(large)
    const chains = Uint32Array.from(this.#chains)
    const sections = {
      ...this.#shortlists.finish(this.#parents, chains),
      chains,
      chainIndex: this.#chainIndex.finish(),
      ...this.#parts.finish(),
    }
    return { sections, hasPlace: (node: number): boolean => this.#shortlists.hasPlace(node) }
  }
}
