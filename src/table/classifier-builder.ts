/**
 * Builds the classifier's sections (classifier.ts) out of a Plan's scopes, rules and sources.
 *
 * Rules arrive in list order, scope by scope, each with the row that it has in the table. Of two
 * rules that ask for the same prefix, client, port and condition the later can never match; it is
 * left out of the lists.
 */

import { chainSections, type OnlyShortlist } from './chain-sections.ts'
import { addToChain, byPort, type Chain, type ChainsByPort, createChain } from './chains.ts'
import { ANY_NODE } from './find-node.ts'
import { type ClassifierSection, ClientNode, DestinationNode, DestinationScope } from './layout.ts'
import { type NodeOrder, NodeSet, orderNodes } from './node-set.ts'
import { ABSENT, PairIndexBuilder } from './pair-index.ts'
import type { Rule, Scope, Source } from './plan.ts'

/** The classifier's sections, by their names in SECTIONS. */
export type ClassifierSections = Readonly<Record<ClassifierSection, Uint32Array | Int32Array>>

export class ClassifierBuilder {
  readonly #destinations = new NodeSet()
  readonly #clients = new NodeSet()
  readonly #chains: Chain[] = []
  /** Those of the scope that was added last, by port. */
  #chainOf = new Map<number, Chain>()
  /** By listener, then by destination node, then by port: scopes, ascending. */
  readonly #scopes: Map<number, Map<number, number>>[] = []
  readonly #sources: { readonly node: number; readonly workload: number }[] = []
  #scopeCount = 0

  addListener(): void {
    this.#scopes.push(new Map())
  }

  /** The next scope of the listener that was added last. */
  addScope({ addresses, port }: Scope): void {
    const scope = this.#scopeCount++
    this.#chainOf = new Map()
    const byNode = this.#scopes[this.#scopes.length - 1]
    for (const node of this.#destinations.nodesOf(addresses)) {
      const byPort = byNode.getOrInsertComputed(node, () => new Map())
      if (!byPort.has(port)) byPort.set(port, scope)
    }
  }

  /** The next rule of the scope that was added last. */
  addRule(rule: Rule, row: number, condition: number): void {
    const chain = this.#chainOf.getOrInsertComputed(rule.port, () => this.#addChain(rule.port))
    const clients = this.#clients.nodesOf(rule.clients)
    for (const destination of this.#destinations.nodesOf(rule.destinations)) {
      for (const client of clients)
        addToChain(chain, destination, client, { condition, row, route: rule.route })
    }
  }

  #addChain(port: number): Chain {
    const chain = createChain(this.#chains.length, this.#scopeCount - 1, port)
    this.#chains.push(chain)
    return chain
  }

  addSource({ cidr }: Source, workload: number): void {
    const [node] = this.#clients.nodesOf([cidr])
    this.#sources.push({ node, workload })
  }

  /** How a port finds the chains of the scope that was added last. */
  portsOfScope(): ChainsByPort {
    return byPort([...this.#chainOf.values()])
  }

  /** The classifier's sections by name. */
  finish(): ClassifierSections {
    const destinations = this.#destinations.finish()
    const clients = this.#clients.finish()
    const clientOrder = orderNodes(clients.parents)
    const { sections, onlyShortlists, chains } = chainSections(
      this.#chains,
      destinations.parents,
      clientOrder,
    )
    return {
      destinationHosts4: destinations.hosts[4],
      destinationHosts6: destinations.hosts[6],
      destinationRanges4: destinations.ranges[4],
      destinationRanges6: destinations.ranges[6],
      clientHosts4: clients.hosts[4],
      clientHosts6: clients.hosts[6],
      clientRanges4: clients.ranges[4],
      clientRanges6: clients.ranges[6],
      destinationScopes: this.#destinationScopes(destinations.parents),
      destinationNodes: destinationNodes(destinations.parents, chains, onlyShortlists),
      clientNodes: this.#clientNodes(clients.parents, clientOrder),
      scopeIndex: this.#scopeIndex(),
      ...sections,
    }
  }

  /** Rows of DestinationScope. */
  #destinationScopes(parents: Uint32Array): Uint32Array {
    const ofScopes = new Set(this.#scopes.flatMap(byNode => [...byNode.keys()]))
    const scope = nearest(parents, node => ofScopes.has(node))
    const rows = new Uint32Array(parents.length * DestinationScope.WORDS)
    for (const [node, parent] of parents.entries()) {
      rows.set([scope[node], scope[parent]], node * DestinationScope.WORDS)
    }
    return rows
  }

  /** Rows of ClientNode. */
  #clientNodes(parents: Uint32Array, { first }: NodeOrder): Uint32Array {
    const clients = new Set(
      this.#chains.flatMap(chain => [...chain.cells.values()].flatMap(cell => [...cell.keys()])),
    )
    const rule = nearest(parents, node => clients.has(node))
    const workloads = new Map<number, number>()
    for (const { node, workload } of this.#sources) if (!workloads.has(node)) workloads.set(node, workload)
    const source = nearest(parents, node => workloads.has(node))
    const rows = new Uint32Array(parents.length * ClientNode.WORDS)
    for (const [node, parent] of parents.entries()) {
      const workload = workloads.get(source[node]) ?? 0
      rows.set([rule[node], rule[parent], workload, first[node]], node * ClientNode.WORDS)
    }
    return rows
  }

  /**
   * (node, listener and port) → scope. A scope for one port and one for any port on the same prefix are
   * equals: the earlier one counts. So are one for any address and one for 0.0.0.0/0 or ::/0.
   */
  #scopeIndex(): Uint32Array {
    const index = new PairIndexBuilder()
    for (const [listener, byNode] of this.#scopes.entries()) {
      const anywhere = byNode.get(ANY_NODE) ?? new Map<number, number>()
      for (const [node, own] of byNode) {
        const equals = node !== ANY_NODE && this.#destinations.bitsOf(node) === 0 ? [own, anywhere] : [own]
        for (const port of new Set(equals.flatMap(byPort => [...byPort.keys()]))) {
          const scopes = equals.flatMap(byPort => [byPort.get(port), byPort.get(0)])
          const first = Math.min(...scopes.map(scope => scope ?? Number.POSITIVE_INFINITY))
          index.add(node, listener * 65_536 + port, first)
        }
      }
    }
    return index.finish()
  }
}

/** Rows of DestinationNode. */
function destinationNodes(
  parents: Uint32Array,
  chains: readonly Chain[],
  only: ReadonlyMap<number, OnlyShortlist>,
): Uint32Array {
  const bits = new Uint32Array(parents.length)
  for (const { row, cells } of chains) for (const node of cells.keys()) bits[node] |= 1 << (row & 31)
  const rule = nearest(parents, node => bits[node] !== 0)
  const { first } = orderNodes(parents)
  const rows = new Uint32Array(parents.length * DestinationNode.WORDS)
  for (const [node, parent] of parents.entries()) {
    const { shortlist, chain } = only.get(node) ?? { shortlist: ABSENT, chain: bits[node] }
    rows.set([rule[node], rule[parent], shortlist, chain, first[node]], node * DestinationNode.WORDS)
  }
  return rows
}

/** For each node the nearest of itself and its ancestors that is `wanted`; else ANY_NODE. */
function nearest(parents: Uint32Array, wanted: (node: number) => boolean): Uint32Array {
  const found = new Uint32Array(parents.length)
  const known = new Uint8Array(parents.length)
  const find = (node: number): number => {
    if (node === ANY_NODE || known[node] === 1) return found[node]
    found[node] = wanted(node) ? node : find(parents[node]) // at most 128 deep: prefixes nest
    known[node] = 1
    return found[node]
  }
  for (let node = 0; node < parents.length; node++) find(node)
  return found
}
