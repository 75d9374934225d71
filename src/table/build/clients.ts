/**
 * Builds the clients part: the identity of a client by its address, and the source conditions that
 * it fulfils.
 *
 * A later part of the same generation keeps the rows of workloads and appends new ones, so a
 * recorded row can be named by any later part of the generation.
 */

import { ClientNode, WorkloadRun } from '../format/clients-layout.ts'
import type { ColdWorkload } from '../format/cold.ts'
import { Rule } from '../format/routing-layout.ts'
import { prefixesOf } from '../format/rows.ts'
import { readCold, readWorkloads, type Table } from '../format/table.ts'
import type { Source, SourceCondition } from '../plan/plan.ts'
import { assemble, type PartHeader, packed } from './assemble.ts'
import { type BuiltClientNodes, ClientNodes } from './client-nodes.ts'
import { Conditions, conditionList, wordsFor } from './conditions.ts'
import type { PrefixId } from './node-set.ts'
import { Interned, Rows } from './rows.ts'

const UNKNOWN: ColdWorkload = { namespace: null, labels: {} }

/** The sources of a Plan, while nodes are collected. */
export class Clients {
  readonly #workloads: Interned<ColdWorkload>
  readonly #sources: { readonly prefix: PrefixId; readonly workload: number }[] = []

  /** @param known  The rows of the previous part, in the same generation. */
  constructor(sources: readonly Source[], nodes: ClientNodes, known: readonly ColdWorkload[] = [UNKNOWN]) {
    this.#workloads = new Interned(known)
    for (const { cidr, ...who } of sources) {
      const workload = this.#workloads.indexOf(who)
      this.#sources.push({ prefix: nodes.idOf(cidr), workload })
    }
  }

  build(
    header: PartHeader,
    conditions: readonly SourceCondition[],
    nodes: BuiltClientNodes,
  ): SharedArrayBuffer {
    const words = wordsFor(conditions.length)
    const { hosts, ranges } = nodes.all
    return assemble(
      'clients',
      { ...header, conditions: words },
      {
        clientHosts4: hosts[4],
        clientHosts6: hosts[6],
        clientRanges4: ranges[4],
        clientRanges6: ranges[6],
        clientNodes: this.#nodeRows(nodes),
        ...fulfilledBy(this.#workloads.list, conditions, words),
        workloadNames: packed(this.#workloads.list),
      },
    )
  }

  /** Rows of ClientNode. */
  #nodeRows({ all: { nodes, parents }, ruleNodes }: BuiltClientNodes): Uint32Array {
    const workloads = new Map<number, number>()
    for (const { prefix, workload } of this.#sources) workloads.getOrInsert(nodes[prefix], workload)
    const rows = new Uint32Array(parents.length * ClientNode.WORDS)
    for (const [node, parent] of parents.entries()) {
      const at = node * ClientNode.WORDS
      const wider = rows[parent * ClientNode.WORDS + ClientNode.workload] // a parent has a smaller node
      rows[at + ClientNode.ruleNode] = ruleNodes[node]
      rows[at + ClientNode.workload] = workloads.get(node) ?? wider
    }
    return rows
  }
}

function fulfilledBy(workloads: readonly ColdWorkload[], list: readonly SourceCondition[], words: number) {
  const conditions = new Conditions(list)
  const bitRows = new Uint32Array(workloads.length * words)
  const runs = new Rows(WorkloadRun.WORDS)
  const fulfilled = new Rows(1)
  for (const [row, workload] of workloads.entries()) {
    const bits = conditions.bitsOf(workload)
    bitRows.set(bits, row * words)
    const numbers = conditionList(bits)
    runs.add(fulfilled.count, numbers.length)
    for (const condition of numbers) fulfilled.add(condition)
  }
  return { workloads: bitRows, workloadRuns: runs.words(), fulfilled: fulfilled.words() }
}

/** The part that follows `before`, with these clients. */
export function changeClients(before: Table, sources: readonly Source[]): SharedArrayBuffer {
  const { generation, clientsRevision, rules } = before
  const nodes = new ClientNodes()
  for (let row = 0; row < rules.length; row += Rule.WORDS) {
    const prefixes = prefixesOf(before, row + Rule.firstClient)
    if (prefixes.length > 0) nodes.idsOf(prefixes)
  }
  const clients = new Clients(sources, nodes, readWorkloads(before))
  const { conditions } = readCold(before)
  return clients.build({ generation, revision: clientsRevision + 1 }, conditions, nodes.finish())
}
