/** The rows of one cluster's endpoints, and the table behind them by which they are drawn. */

import { parseInto } from '../../address/address.ts'
import { assert } from '../../base/assert.ts'
import { packSlots } from '../format/endpoints.ts'
import { ALIGNED, EndpointGroup, Endpoint as EndpointRow } from '../format/endpoints-layout.ts'
import type { Cluster, Endpoint } from '../plan/plan.ts'
import { groupsOf, groupWords } from './endpoint-groups.ts'
import { type HashSpec, hashSpecOf, hashWordCount, hashWords } from './hash-table.ts'
import { isPort } from './rows.ts'
import { turnWordCount, turnWords } from './turns.ts'

/**
 * Gives an endpoint, cluster or route its word in the shared counts, the same one at every reload.
 */
export type SlotOf = (identity: string) => number

/** What the rows of a cluster depend on, besides its endpoints. */
export type RowRules = {
  /**
   * What tells the endpoints of a cluster apart from the same addresses elsewhere, where something
   * is kept of them; else null.
   */
  readonly members: string | null
  /** How clients are hashed; null: they are not. */
  readonly hash: HashSpec | null
  /** Endpoints take turns, as many as their weights say. */
  readonly turns: boolean
}

export const PLAIN_ROWS: RowRules = { members: null, hash: null, turns: false }

export const rowRulesOf = ({ policy, ...cluster }: Cluster): RowRules => ({
  members: policy.ejection === null ? null : clusterIdentity(cluster),
  hash: hashSpecOf(policy),
  turns: policy.balance === 'ROUND_ROBIN',
})

/** The identity of a cluster over reloads. */
export const clusterIdentity = ({ host, subset, port }: Pick<Cluster, 'host' | 'subset' | 'port'>): string =>
  `${host} ${subset ?? ''} ${port}`

export type Rows = {
  /** The rows' words, in order, and the table's. */
  readonly words: Uint32Array
  readonly count: number
  /** 1: all have the same weight. */
  readonly equal: number
  /** Words of the table, a multiple of ALIGNED. */
  readonly table: number
  /** Groups, whose records stand behind the table; 0: all endpoints are drawn as one. */
  readonly groups: number
}

/** How many words `rowsOf` makes. */
export function rowWordsOf({ endpoints, policy }: Pick<Cluster, 'endpoints' | 'policy'>): number {
  const hash = hashSpecOf(policy)
  const weights = endpoints.map(each => each.weight)
  const turns = policy.balance === 'ROUND_ROBIN' ? turnWordCount(weights) : 0
  const table = aligned(hash === null ? turns : hashWordCount(weights, hash))
  return endpoints.length * EndpointRow.WORDS + behindOf(table, groupsOf(endpoints).length)
}

export function rowsOf(written: readonly Endpoint[], slotOf: SlotOf, rules: RowRules): Rows {
  const groups = groupsOf(written)
  const endpoints = groups.length === 0 ? written : groups.flatMap(each => each.endpoints)
  const count = endpoints.length
  const rows = new Uint32Array(count * EndpointRow.WORDS)
  for (const [index, each] of endpoints.entries())
    writeRow(rows, index * EndpointRow.WORDS, each, slotOf, rules.members)
  const drawn = drawnBy(endpoints, rows, rules)
  const table = aligned(drawn.length)
  const words = withBehind(rows, drawn, table, groups)
  const equal = endpoints.every(each => each.weight === endpoints[0].weight) ? 1 : 0
  return { words, count, equal, table, groups: groups.length }
}

/** The rows with their table, and the groups. */
function withBehind(
  rows: Uint32Array,
  drawn: Uint32Array,
  table: number,
  groups: ReturnType<typeof groupsOf>,
): Uint32Array {
  const behind = behindOf(table, groups.length)
  if (behind === 0) return rows
  const words = new Uint32Array(rows.length + behind)
  words.set(rows)
  words.set(drawn, rows.length)
  words.set(groupWords(groups), rows.length + table)
  return words
}

/** The words of the table by which the endpoints are drawn. */
function drawnBy(endpoints: readonly Endpoint[], rows: Uint32Array, { hash, turns }: RowRules): Uint32Array {
  if (hash !== null) return hashWords(identitiesOf(endpoints, rows), hash)
  return turns ? turnWords(endpoints.map(each => each.weight)) : new Uint32Array(0)
}

/** The words behind the rows of a cluster. */
export const behindOf = (table: number, groups: number): number =>
  table + aligned(groups * EndpointGroup.WORDS)

const aligned = (words: number): number => Math.ceil(words / ALIGNED) * ALIGNED

/** Family, address and port tell endpoints apart. */
const identitiesOf = (endpoints: readonly Endpoint[], rows: Uint32Array) =>
  endpoints.map(({ weight }, index) => {
    const at = index * EndpointRow.WORDS
    return { weight, words: [...rows.subarray(at, at + EndpointRow.weight)] }
  })

function writeRow(
  rows: Uint32Array,
  at: number,
  { address, port, weight }: Endpoint,
  slotOf: SlotOf,
  members: string | null,
): void {
  const family = parseInto(address, rows, at + EndpointRow.address)
  assert(family !== 0, 'an endpoint is no address', address)
  assert(isPort(port), 'an endpoint has no port', port)
  const slot = slotOf(`endpoint ${address} ${port}`)
  const memberSlot = members === null ? 0 : slotOf(`member ${members} ${address} ${port}`)
  rows[at + EndpointRow.family] = family
  rows[at + EndpointRow.port] = port
  rows[at + EndpointRow.weight] = weight
  rows[at + EndpointRow.slots] = packSlots(slot, memberSlot)
}
