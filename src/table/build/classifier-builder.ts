/**
 * Builds the classifier's sections (../match/classifier.ts) out of a Plan's scopes and rules.
 *
 * Rules arrive in list order, scope by scope, each with the row that it has in the table. If two
 * rules have the same prefix, client, port and condition, the later one can never match and is left
 * out of the lists.
 */

import { DestinationScope } from '../format/classifier-layout.ts'
import { PairIndexBuilder } from '../format/pair-index.ts'
import { ANY_NODE } from '../match/find-node.ts'
import type { Rule, Scope } from '../plan/plan.ts'
import { chainSections } from './chain-sections.ts'
import { addToChain, byPort, type Cell, type Chain, type ChainsByPort, createChain } from './chains.ts'
import type { BuiltClientNodes, ClientNodes } from './client-nodes.ts'
import { ANY_PREFIX, NodeSet, type NumberedNodes } from './node-set.ts'

export class ClassifierBuilder {
  readonly #destinations = new NodeSet()
  readonly #clients: ClientNodes
  readonly #chains: Chain[] = []
  /** The chains of the scope that was added last, by port. */
  #chainOf = new Map<number, Chain>()
  /** By listener, then by destination prefix, then by port: scopes, ascending. */
  readonly #scopes: Map<number, Map<number, number>>[] = []
  #scopeCount = 0

  constructor(clients: ClientNodes) {
    this.#clients = clients
  }

  addListener(): void {
    this.#scopes.push(new Map())
  }

  /** The next scope of the listener that was added last. */
  addScope({ addresses, port }: Scope): void {
    const scope = this.#scopeCount++
    this.#chainOf = new Map()
    const byPrefix = this.#scopes[this.#scopes.length - 1]
    for (const prefix of this.#destinations.idsOf(addresses)) {
      const byPort = byPrefix.getOrInsertComputed(prefix, () => new Map())
      if (!byPort.has(port)) byPort.set(port, scope)
    }
  }

  /** A row of rules that a server name finds, instead of a destination: the next scope. */
  addNamedScope(): void {
    this.#scopeCount++
    this.#chainOf = new Map()
  }

  /** The next rule of the scope that was added last. */
  addRule(
    rule: Pick<Rule, 'port' | 'clients' | 'destinations' | 'route'>,
    row: number,
    condition: number,
  ): void {
    const chain = this.#chainOf.getOrInsertComputed(rule.port, () => this.#addChain(rule.port))
    const clients = this.#clients.idsOf(rule.clients)
    for (const destination of this.#destinations.idsOf(rule.destinations)) {
      for (const client of clients)
        addToChain(chain, destination, client, { condition, row, route: rule.route })
    }
  }

  #addChain(port: number): Chain {
    const chain = createChain(this.#chains.length, this.#scopeCount - 1, port)
    this.#chains.push(chain)
    return chain
  }

  /** How a port finds the chains of the scope that was added last. */
  portsOfScope(): ChainsByPort {
    return byPort([...this.#chainOf.values()])
  }

  /** The classifier's sections by name. */
  finish(clients: BuiltClientNodes) {
    const destinations = this.#destinations.number()
    const placed = this.#chains.map(chain => placeChain(chain, destinations.nodes, clients.nodes))
    const { sections, hasPlace } = chainSections(placed, destinations.parents, clients.parents)
    const ofScopes = this.#nodesOfScopes(destinations)
    // Elsewhere no rule for just that prefix can match, or only ones that a wider prefix finds.
    const { hosts, ranges } = destinations.book(node => hasPlace(node) || ofScopes.has(node))
    return {
      destinationHosts4: hosts[4],
      destinationHosts6: hosts[6],
      destinationRanges4: ranges[4],
      destinationRanges6: ranges[6],
      destinationScopes: destinationScopes(destinations.parents, ofScopes),
      clientParents: clients.parents,
      scopeIndex: this.#scopeIndex(destinations.nodes),
      ...sections,
    }
  }

  #nodesOfScopes({ nodes }: NumberedNodes): ReadonlySet<number> {
    return new Set(this.#scopes.flatMap(byPrefix => [...byPrefix.keys()].map(id => nodes[id])))
  }

  /**
   * (node, listener and port) → scope. A scope for one port and one for any port on the same prefix
   * are equals: the earlier one counts. So are one for any address and one for 0.0.0.0/0 or ::/0.
   */
  #scopeIndex(nodes: Uint32Array): Uint32Array {
    const index = new PairIndexBuilder()
    for (const [listener, byPrefix] of this.#scopes.entries()) {
      const anywhere = byPrefix.get(ANY_PREFIX) ?? new Map<number, number>()
      for (const [prefix, own] of byPrefix) {
        const isAll = prefix !== ANY_PREFIX && this.#destinations.lengthOf(prefix) === 0
        const equals = isAll ? [own, anywhere] : [own]
        for (const port of new Set(equals.flatMap(byPort => [...byPort.keys()]))) {
          const scopes = equals.flatMap(byPort => [byPort.get(port), byPort.get(0)])
          const first = Math.min(...scopes.map(scope => scope ?? Number.POSITIVE_INFINITY))
          index.add(nodes[prefix], listener * 65_536 + port, first)
        }
      }
    }
    return index.finish()
  }
}

/**
 * A chain with nodes instead of prefixes, in node order: neighbours in the table are neighbours in
 * the address space, too.
 */
function placeChain(chain: Chain, destinations: Uint32Array, clients: Uint32Array): Chain {
  const cells: [node: number, cell: Cell][] = []
  for (const [prefix, cell] of chain.cells) cells.push([destinations[prefix], placeCell(cell, clients)])
  return { ...chain, cells: new Map(cells.sort(([a], [b]) => a - b)) }
}

function placeCell(cell: Cell, clients: Uint32Array): Cell {
  if (cell.size === 1 && cell.has(ANY_PREFIX)) return cell // ANY_PREFIX is the node ANY_NODE
  const placed: Cell = new Map()
  for (const [client, list] of cell) placed.set(clients[client], list)
  return placed
}

/** Rows of DestinationScope. */
function destinationScopes(parents: Uint32Array, ofScopes: ReadonlySet<number>): Uint32Array {
  const scope = nearest(parents, node => ofScopes.has(node))
  const rows = new Uint32Array(parents.length * DestinationScope.WORDS)
  for (const [node, parent] of parents.entries()) {
    rows.set([scope[node], scope[parent]], node * DestinationScope.WORDS)
  }
  return rows
}

/** For each node the nearest `wanted` one of itself and its ancestors; else ANY_NODE. */
function nearest(parents: Uint32Array, wanted: (node: number) => boolean): Uint32Array {
  const found = new Uint32Array(parents.length)
  for (let node = ANY_NODE + 1; node < parents.length; node++) {
    found[node] = wanted(node) ? node : found[parents[node]] // a node's parent is a lesser one
  }
  return found
}
