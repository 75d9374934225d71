/**
 * Scopes whose rules depend on the client's server name get a row for each set of rules that a name
 * can select, so a connection finds its rules by one look-up of its name.
 *
 *   (scope, node of the name) ─▶ the row of the server that takes it, with the rules that can match it
 *
 * The scopes of one socket (a Gateway's servers) are one group: the name first selects a scope, and
 * then the rules with a pattern around it. Nodes with the same rules share a row.
 */

import { ANY_NAME, NOT_TLS } from '../format/name-index.ts'
import { PairIndexBuilder } from '../format/pair-index.ts'
import { NOBODY } from '../format/routing-layout.ts'
import type { Takes } from '../plan/plan.ts'
import { NameSet } from './name-set.ts'

/** A scope with its rules, each with its patterns; absent: it asks for none. */
type NamedScope<Rule> = {
  readonly row: number
  readonly takes: Takes | undefined
  readonly rules: readonly { readonly names: readonly string[] | undefined; readonly rule: Rule }[]
}

/** Writes the row for some rules of the scope `of`, in list order, and returns its number. */
type AddRow<Rule> = (of: number, rules: readonly Rule[]) => number

export class NamedScopes<Rule> {
  readonly #names = new NameSet()
  /** By the row that finds a group. */
  readonly #groups = new Map<number, NamedScope<Rule>[]>()

  add(base: number, scope: NamedScope<Rule>): void {
    this.#groups.getOrInsertComputed(base, () => []).push(scope)
    for (const pattern of patternsOf(scope)) this.#names.nodeOf(pattern)
  }

  /** Writes all rows, and returns the hash that finds them. */
  finish(addRow: AddRow<Rule>) {
    const { words, text, parents } = this.#names.finish()
    const index = new PairIndexBuilder()
    for (const [base, scopes] of this.#groups) {
      const group = new Group(scopes, this.#names, parents, addRow)
      for (const [node, row] of group.rows()) index.add(base, node, row)
    }
    return {
      serverNames: words,
      serverNameText: text,
      serverNameParents: parents,
      namedScopes: index.finish(),
    }
  }
}

const patternsOf = <Rule>({ takes, rules }: NamedScope<Rule>): string[] => [
  ...(takes?.names ?? []),
  ...rules.flatMap(({ names }) => names ?? []),
]

/** The scopes of one socket, or one scope of the mesh. */
class Group<Rule> {
  readonly #scopes: readonly NamedScope<Rule>[]
  readonly #parents: Uint32Array
  readonly #addRow: AddRow<Rule>
  /** By node: the scope for exactly this pattern. */
  readonly #takers = new Map<number, NamedScope<Rule>>()
  /** By scope, then by node: the rules for exactly this pattern, as indexes. */
  readonly #rules: ReadonlyMap<NamedScope<Rule>, ReadonlyMap<number, readonly number[]>>
  readonly #rows = new Map<NamedScope<Rule>, Map<number, number>>()

  constructor(
    scopes: readonly NamedScope<Rule>[],
    names: NameSet,
    parents: Uint32Array,
    addRow: AddRow<Rule>,
  ) {
    this.#scopes = scopes
    this.#parents = parents
    this.#addRow = addRow
    this.#rules = new Map(scopes.map(scope => [scope, rulesByNode(scope, names)]))
    for (const scope of scopes) {
      for (const pattern of scope.takes?.names ?? ['*']) {
        this.#takers.getOrInsert(names.nodeOf(pattern), scope)
      }
    }
  }

  /** Each node where the answer changes, and the answer. */
  *rows(): Generator<readonly [node: number, row: number]> {
    const nodes = new Set([ANY_NAME, ...this.#takers.keys()])
    for (const ofScope of this.#rules.values()) for (const node of ofScope.keys()) nodes.add(node)
    for (const node of nodes) {
      const scope = this.#takerOf(node)
      if (scope) yield [node, this.#rowOf(scope, node)]
    }
    const plain = this.#scopes.find(({ takes }) => takes?.plain ?? true)
    yield [NOT_TLS, plain ? this.#rowOf(plain, ANY_NAME) : NOBODY]
  }

  #takerOf(node: number): NamedScope<Rule> | undefined {
    const own = this.#takers.get(node)
    return own || node === ANY_NAME ? own : this.#takerOf(this.#parents[node])
  }

  /** The row of the rules of `scope` with a pattern around the names of `node`, or none. */
  #rowOf(scope: NamedScope<Rule>, node: number): number {
    const byNode = this.#rules.get(scope)
    const asked = this.#nearest(byNode, node)
    const rows = this.#rows.getOrInsertComputed(scope, () => new Map())
    return rows.getOrInsertComputed(asked, () => {
      const indexes = new Set<number>()
      for (let at = asked; ; at = this.#parents[at]) {
        for (const index of byNode?.get(at) ?? []) indexes.add(index)
        if (at === ANY_NAME) break
      }
      const rules = [...indexes].sort((a, b) => a - b).map(index => scope.rules[index].rule)
      return this.#addRow(scope.row, rules)
    })
  }

  #nearest(byNode: ReadonlyMap<number, unknown> | undefined, node: number): number {
    return node === ANY_NAME || byNode?.has(node) ? node : this.#nearest(byNode, this.#parents[node])
  }
}

function rulesByNode<Rule>({ rules }: NamedScope<Rule>, names: NameSet): Map<number, number[]> {
  const byNode = new Map<number, number[]>()
  for (const [index, { names: asked = ['*'] }] of rules.entries()) {
    for (const node of new Set(asked.map(pattern => names.nodeOf(pattern)))) {
      byNode.getOrInsertComputed(node, () => []).push(index)
    }
  }
  return byNode
}
