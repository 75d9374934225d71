/**
 * The client prefixes of rules and of workloads, found by one lookup.
 *
 * Rules refer only to their own nodes, which are numbered as if there were no workloads. So a new
 * or removed workload changes no rule. Both numberings follow the order of addresses, so a rule's
 * node is its index among the rules' nodes.
 */

import type { Cidr } from '../../address/address.ts'
import { ANY_NODE } from '../match/find-node.ts'
import { type BuiltNodes, NodeSet, type PrefixId } from './node-set.ts'

export type BuiltClientNodes = {
  readonly all: BuiltNodes
  /** By node of `all`: the rules' own node of the nearest rule prefix, itself included. */
  readonly ruleNodes: Uint32Array
  /** By prefix of a rule: its own node. */
  readonly nodes: Uint32Array
  /** By the rules' own nodes: the next wider one. */
  readonly parents: Uint32Array
}

export class ClientNodes {
  readonly #set = new NodeSet()
  readonly #ofRules = new Set<PrefixId>()

  /** The prefixes of a rule; ANY_PREFIX if it has none. */
  idsOf(cidrs: readonly Cidr[]): readonly PrefixId[] {
    const ids = this.#set.idsOf(cidrs)
    for (const id of ids) this.#ofRules.add(id)
    return ids
  }

  /** The prefix of a workload. */
  idOf(cidr: Cidr): PrefixId {
    return this.#set.idsOf([cidr])[0]
  }

  finish(): BuiltClientNodes {
    const all = this.#set.finish()
    const isOfRule = new Uint8Array(all.parents.length)
    for (const id of this.#ofRules) isOfRule[all.nodes[id]] = 1
    const ruleNodes = new Uint32Array(all.parents.length)
    const parents = [ANY_NODE]
    for (let node = ANY_NODE + 1; node < ruleNodes.length; node++) {
      const above = ruleNodes[all.parents[node]] // a node's parent is a lesser one
      ruleNodes[node] = isOfRule[node] === 1 ? parents.push(above) - 1 : above
    }
    const nodes = Uint32Array.from(all.nodes, node => ruleNodes[node])
    return { all, ruleNodes, nodes, parents: Uint32Array.from(parents) }
  }
}
