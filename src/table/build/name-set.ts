/**
 * Patterns of server names as nodes at build time: a tree in which each pattern is inside the next
 * wider one. ../format/name-index.ts finds a name's node in the finished tree.
 */

import { ANY_NAME, buildNameIndex, FIRST_NAME, type NameIndex, NOT_TLS } from '../format/name-index.ts'

type BuiltNames = NameIndex & {
  /** By node: the next wider one. */
  readonly parents: Uint32Array
}

export class NameSet {
  readonly #nodes = new Map<string, number>()

  /** The node of a pattern ("a.example.com", "*.example.com", "*"). */
  nodeOf(pattern: string): number {
    if (pattern === '*') return ANY_NAME
    return this.#nodes.getOrInsertComputed(keyOf(pattern), () => FIRST_NAME + this.#nodes.size)
  }

  finish(): BuiltNames {
    const keys = [...this.#nodes.keys()]
    const parents = new Uint32Array(FIRST_NAME + keys.length)
    parents[NOT_TLS] = ANY_NAME
    for (const key of keys) parents[this.#nodes.get(key) ?? ANY_NAME] = this.#wider(key)
    return { ...buildNameIndex(keys), parents }
  }

  /** The longest wildcard around a key, itself excluded. */
  #wider(key: string): number {
    for (let dot = key.indexOf('.', 1); dot > 0; dot = key.indexOf('.', dot + 1)) {
      const node = this.#nodes.get(key.slice(dot))
      if (node !== undefined) return node
    }
    return ANY_NAME
  }
}

/** As in the index: "*.example.com" is ".example.com". */
const keyOf = (pattern: string): string => (pattern.startsWith('*.') ? pattern.slice(1) : pattern)
