/**
 * Shortlists at build time: the rules of a scope that can match at one place, merged in list order.
 *
 *   (chain, node)  =  the chain's rules for just this prefix
 *                   + what its shortlist says for the next wider prefix
 *                   + what the shortlist of the chain for any port says for this prefix
 *
 * Rules that can never match are left out: all rules after one without further conditions, and a
 * rule whose clients and condition an earlier one covers. This keeps real lists short. A list of
 * more than SHORTLIST_MAX rules is cut, valid only up to the cut, and not written into the table.
 */

import { SHORTLIST_MAX } from '../format/classifier-layout.ts'
import { ANY_NODE } from '../match/find-node.ts'
import type { Cell, Chain } from './chains.ts'

/** A rule as shortlists keep it: its clients are those from `first` on, `span` more. */
type Candidate = {
  readonly condition: number
  readonly first: number
  readonly span: number
  readonly row: number
  readonly route: number
}

/** Ascending by row; `limit`: rules may be missing from this row on. */
export type Shortlist = { readonly candidates: readonly Candidate[]; readonly limit: number }

export const isComplete = ({ limit }: Shortlist): boolean => limit === Number.POSITIVE_INFINITY

const NOTHING: Shortlist = { candidates: [], limit: Number.POSITIVE_INFINITY }

/** The shortlists of one chain, by destination node. */
export class Shortlists {
  readonly #cells: Chain['cells']
  readonly #anyPort: Shortlists | null
  readonly #parents: Uint32Array
  readonly #clientSpans: Uint32Array
  readonly #known = new Map<number, Shortlist>()
  readonly #needless = new Set<number>()

  /**
   * @param anyPort  The shortlists of the scope's chain for any port, for a chain for one port;
   * else null.
   * @param parents  By destination node: the next wider one.
   * @param clientSpans  By client node: the number of nodes inside it.
   */
  constructor(chain: Chain, anyPort: Shortlists | null, parents: Uint32Array, clientSpans: Uint32Array) {
    this.#cells = chain.cells
    this.#anyPort = anyPort
    this.#parents = parents
    this.#clientSpans = clientSpans
  }

  /**
   * The rules that can match a destination whose longest prefix is that of `node`; nodes are at
   * most 128 deep.
   */
  at(node: number): Shortlist {
    const known = this.#known.get(node)
    if (known) return known
    const cell = this.#cells.get(node)
    const above = node === ANY_NODE ? NOTHING : this.at(this.#parents[node])
    const anyPort = this.#anyPort?.at(node) ?? NOTHING
    const own = cell ? this.#headOf(cell) : NOTHING
    // In this order: of equal candidates merging keeps the first.
    const lists = [above, anyPort, own].filter(each => each !== NOTHING)
    const found = cell || lists.length > 1 ? merge(lists) : (lists[0] ?? NOTHING)
    if (isComplete(found) && !own.candidates.some(each => found.candidates.includes(each)))
      this.#needless.add(node)
    this.#known.set(node, found)
    return found
  }

  /**
   * Whether earlier rules take all that the rules for just this prefix would: then a match finds
   * the same by the shortlists for the next wider prefix and for any port.
   */
  isNeedless(node: number): boolean {
    this.at(node)
    return this.#needless.has(node)
  }

  /** The first rules of a cell. */
  #headOf(cell: Cell): Shortlist {
    let limit = Number.POSITIVE_INFINITY
    const candidates: Candidate[] = []
    for (const [first, { members }] of cell) {
      if (members.length > SHORTLIST_MAX) limit = Math.min(limit, members[SHORTLIST_MAX].row)
      const span = this.#clientSpans[first]
      for (let index = 0; index < members.length && index < SHORTLIST_MAX; index++) {
        const { condition, row, route } = members[index]
        candidates.push({ condition, first, span, row, route })
      }
    }
    if (cell.size > 1) candidates.sort(byRow)
    return { candidates, limit }
  }
}

const byRow = (a: Candidate, b: Candidate): number => a.row - b.row

/** Merges several shortlists, up to the smallest limit. */
function merge(lists: readonly Shortlist[]): Shortlist {
  let limit = Number.POSITIVE_INFINITY
  const all: Candidate[] = []
  for (const list of lists) {
    limit = Math.min(limit, list.limit)
    for (const candidate of list.candidates) all.push(candidate)
  }
  if (lists.length > 1) all.sort(byRow)
  const candidates: Candidate[] = []
  for (const candidate of all) {
    if (candidate.row >= limit) break
    if (candidates.some(earlier => hides(earlier, candidate))) continue
    if (candidates.length === SHORTLIST_MAX) return { candidates, limit: candidate.row }
    candidates.push(candidate)
    if (asksNothing(candidate)) return { candidates, limit: Number.POSITIVE_INFINITY }
  }
  return { candidates, limit }
}

/** Whether `earlier` takes everything that `candidate` would; a rule hides itself. */
const hides = (earlier: Candidate, candidate: Candidate): boolean =>
  (earlier.condition === 0 || earlier.condition === candidate.condition) &&
  earlier.first <= candidate.first &&
  candidate.first <= earlier.first + earlier.span

const asksNothing = ({ condition, first }: Candidate): boolean => condition === 0 && first === 0
