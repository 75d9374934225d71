/** Collects chains: the rules of a scope by their port, destination prefix and client prefix. */

/** The rules of a scope for one port (0: for any). */
export type Chain = {
  /** Its row in the table. */
  readonly row: number
  /** Together with the port, the key that the table finds it by. */
  readonly scope: number
  readonly port: number
  /** By destination, then by client: prefixes while rules are added, and nodes afterwards. */
  readonly cells: Map<number, Cell>
}

export type Cell = Map<number, List>

/** Rules that differ only in their source condition, ascending by row. */
type List = {
  readonly members: Member[]
  /** Theirs, once there are many. */
  conditions: Set<number> | null
}

/** Members up to which a search is quicker than a set. */
const SEARCHED_MAX = 8

type Member = {
  /** A bit of `workloads`; 0: no condition. */
  readonly condition: number
  readonly row: number
  readonly route: number
}

export const createChain = (row: number, scope: number, port: number): Chain => ({
  row,
  scope,
  port,
  cells: new Map(),
})

/**
 * Adds a rule; rows come in ascending order. A rule that an earlier one of its list hides is
 * omitted.
 */
export function addToChain(chain: Chain, destination: number, client: number, member: Member): void {
  const cell = chain.cells.getOrInsertComputed(destination, newCell)
  const list = cell.getOrInsertComputed(client, newList)
  if (hasCondition(list, member.condition)) return
  list.conditions?.add(member.condition)
  list.members.push(member)
}

const newCell = (): Cell => new Map()
const newList = (): List => ({ members: [], conditions: null })

function hasCondition(list: List, condition: number): boolean {
  if (list.members.length <= SEARCHED_MAX) return list.members.some(each => each.condition === condition)
  list.conditions ??= new Set(list.members.map(each => each.condition))
  return list.conditions.has(condition)
}

/** A rule for one of its places and one of its clients. */
export type PlacedRule = Member & {
  readonly port: number
  readonly destination: number
  readonly client: number
}

/** All rules of chains, one entry for each of their places and clients. */
export const rulesOf = (chains: readonly Chain[]): PlacedRule[] =>
  chains.flatMap(({ port, cells }) =>
    [...cells].flatMap(([destination, cell]) =>
      [...cell].flatMap(([client, { members }]) =>
        members.map(member => ({ ...member, port, destination, client })),
      ),
    ),
  )

/** How a connection's port finds its chains. */
export type ChainsByPort = {
  /** The row of the chain for any port; −1: none. */
  readonly anyPortChain: number
  /** One bit per port of the other chains: bit (port mod 32). */
  readonly ports: number
}

export function byPort(chains: readonly Chain[]): ChainsByPort {
  const named = chains.filter(chain => chain.port !== 0)
  return {
    anyPortChain: chains.find(chain => chain.port === 0)?.row ?? -1,
    ports: named.reduce((bits, { port }) => bits | (1 << (port & 31)), 0),
  }
}
