/**
 * Builds the endpoints part: the endpoints of each cluster, in order.
 *
 * A revision is appended to the part that it follows: the rows of the changed clusters, their
 * pages, the nodes above them, and a root. So it costs what has changed, however many clusters
 * there are. If the room is used up, everything in use is copied into a new part, and the old one
 * is garbage once nobody reads it.
 */

import { assert } from '../../base/assert.ts'
import { endpointsChecksum, runOf } from '../format/endpoints.ts'
import {
  ALIGNED,
  DIGIT_BITS,
  Endpoint as EndpointRow,
  EndpointRun,
  FAN_OUT,
  Root,
} from '../format/endpoints-layout.ts'
import { Header } from '../format/layout.ts'
import type { Table } from '../format/table.ts'
import type { Cluster, Endpoint } from '../plan/plan.ts'
import { assemble } from './assemble.ts'
import {
  behindOf,
  PLAIN_ROWS,
  type RowRules,
  type Rows,
  rowRulesOf,
  rowsOf,
  rowWordsOf,
  type SlotOf,
} from './endpoint-rows.ts'

type Before = Pick<
  Table,
  | 'generation'
  | 'buffers'
  | 'endpointsRevision'
  | 'endpoints'
  | 'endpointRoot'
  | 'endpointTop'
  | 'endpointLevels'
>
type Changed = ReadonlyMap<number, readonly Endpoint[]>

/** Room for later revisions: this many words, or a share of what is in use. */
const SPARE_LEAST = 16_384
const SPARE_SHARE = 1 / 2

const PAGE_WORDS = FAN_OUT * EndpointRun.WORDS

export function buildEndpoints(
  clusters: readonly Cluster[],
  generation: number,
  slotOf: SlotOf,
): SharedArrayBuffer {
  const words = clusters.reduce((sum, cluster) => sum + rowWordsOf(cluster), 0)
  return fill(generation, clusters.length, words, writer => {
    for (const [index, cluster] of clusters.entries())
      writer.set(index, rowsOf(cluster.endpoints, slotOf, rowRulesOf(cluster)))
    return writer.finish(0)
  })
}

/**
 * The part that follows `before`, with these endpoints for these clusters. It is the same buffer if
 * there is room in it; whoever opens it finds the newest revision.
 *
 * @param rules  Of each cluster, what `rowRulesOf` says.
 */
export function changeEndpoints(
  before: Before,
  changed: Changed,
  slotOf: SlotOf,
  rules: ReadonlyMap<number, RowRules> = new Map(),
): SharedArrayBuffer {
  const { endpoints, endpointRoot } = before
  const rows = new Map(
    [...changed].map(([cluster, list]) => [cluster, rowsOf(list, slotOf, rules.get(cluster) ?? PLAIN_ROWS)]),
  )
  const end = endpointRoot + Root.WORDS
  const header = new Uint32Array(before.buffers.endpoints, 0, Header.WORDS)
  const isNewest = Atomics.load(header, Header.newest) === endpointRoot
  if (!isNewest || end + wordsFor(before, rows.values()) > endpoints.length) return renew(before, rows, 1)
  const writer = new Writer(endpoints, end)
  writer.follow(before)
  for (const [cluster, list] of rows) writer.set(cluster, list)
  Atomics.store(header, Header.newest, writer.finish(before.endpointsRevision + 1))
  return before.buffers.endpoints
}

/**
 * The same revision in a part with room for more; null if there still is room. Called ahead, so
 * that no change has to wait for it.
 */
export function makeRoom(before: Before): SharedArrayBuffer | null {
  const { endpoints, endpointRoot } = before
  return endpoints.length - endpointRoot < SPARE_LEAST / 4 ? renew(before, new Map(), 0) : null
}

/** How many words of its part a revision has written. */
export const wordsWritten = ({ endpoints, endpointRoot }: Before): number =>
  endpointRoot + Root.WORDS - endpoints[endpointRoot + Root.from]

/** An upper bound; clusters of one page write it once. */
function wordsFor({ endpointLevels }: Before, changed: Iterable<Rows>): number {
  let words = Root.WORDS
  for (const rows of changed) words += rows.words.length + endpointLevels * FAN_OUT + PAGE_WORDS
  return words
}

/** Everything in use of `before`, with these changes. */
function renew(before: Before, changed: ReadonlyMap<number, Rows>, revisions: number): SharedArrayBuffer {
  const { endpoints, endpointRoot, generation, endpointsRevision } = before
  const clusters = endpoints[endpointRoot + Root.clusters]
  let words = endpoints[endpointRoot + Root.rows] * EndpointRow.WORDS + endpoints[endpointRoot + Root.behind]
  for (const [cluster, rows] of changed)
    words += rows.words.length - wordsOf(endpoints, runOf(before, cluster))
  return fill(generation, clusters, words, writer => {
    for (let cluster = 0; cluster < clusters; cluster++) {
      const rows = changed.get(cluster)
      if (rows) writer.set(cluster, rows)
      else writer.copy(cluster, endpoints, runOf(before, cluster))
    }
    return writer.finish(endpointsRevision + revisions)
  })
}

/** The words of a run's rows, and of what stands behind them. */
const wordsOf = (arena: Uint32Array, run: number): number =>
  arena[run + EndpointRun.count] * EndpointRow.WORDS + behindAt(arena, run)

const behindAt = (arena: Uint32Array, run: number): number =>
  behindOf(arena[run + EndpointRun.table], arena[run + EndpointRun.groups])

/** A new part for so many clusters, and so many words of rows and tables. */
function fill(
  generation: number,
  clusters: number,
  rowWords: number,
  write: (writer: Writer) => number,
): SharedArrayBuffer {
  const levels = levelsFor(clusters)
  let used = ALIGNED + rowWords + Math.ceil(clusters / FAN_OUT) * PAGE_WORDS + PAGE_WORDS + Root.WORDS
  for (let level = 1; level <= levels; level++)
    used += Math.ceil(clusters / 2 ** (DIGIT_BITS * (level + 1))) * FAN_OUT
  const words = used + Math.ceil(Math.max(SPARE_LEAST, used * SPARE_SHARE) / ALIGNED) * ALIGNED
  let newest = 0
  const fillArena = (arena: Uint32Array): void => {
    const writer = new Writer(arena, 0)
    writer.begin(clusters, levels, rowWords)
    newest = write(writer)
  }
  const part = assemble(
    'endpoints',
    { generation },
    { endpoints: { byteLength: words * 4, fill: fillArena } },
  )
  new Uint32Array(part, 0, Header.WORDS)[Header.newest] = newest
  return part
}

function levelsFor(clusters: number): number {
  let levels = 0
  while (clusters > 2 ** (DIGIT_BITS * (levels + 1))) levels++
  return levels
}

/** A revision under construction in an arena. Nobody sees it before `finish`. */
class Writer {
  readonly #arena: Uint32Array
  readonly #from: number
  #end: number
  #top = 0
  #levels = 0
  #clusters = 0
  #rows = 0
  #behind = 0
  /** Where the next rows go, if a place is reserved for them; −1: at the end. */
  #rowsAt = -1

  constructor(arena: Uint32Array, from: number) {
    this.#arena = arena
    this.#from = from
    this.#end = from
  }

  /** The first revision of an arena: its rows come first, in the order in which they are set. */
  begin(clusters: number, levels: number, rowWords: number): void {
    this.#clusters = clusters
    this.#rowsAt = 0
    this.#end = rowWords + ALIGNED // 0 is no page
    this.#levels = levels
    this.#top = this.#take(levels === 0 ? PAGE_WORDS : FAN_OUT)
  }

  /** A revision that shares everything unchanged. */
  follow({ endpoints, endpointRoot, endpointTop, endpointLevels }: Before): void {
    this.#clusters = endpoints[endpointRoot + Root.clusters]
    this.#rows = endpoints[endpointRoot + Root.rows]
    this.#behind = endpoints[endpointRoot + Root.behind]
    this.#levels = endpointLevels
    this.#top = endpointTop
  }

  set(cluster: number, { words, ...run }: Rows): void {
    const at = this.#takeRows(words.length)
    this.#arena.set(words, at)
    this.#setRun(cluster, at, run)
  }

  copy(cluster: number, from: Uint32Array, run: number): void {
    const arena = this.#arena
    const words = wordsOf(from, run)
    const first = from[run + EndpointRun.first] * EndpointRow.WORDS
    const at = this.#takeRows(words)
    for (let word = 0; word < words; word++) arena[at + word] = from[first + word]
    this.#setRun(cluster, at, {
      count: from[run + EndpointRun.count],
      equal: from[run + EndpointRun.equal],
      table: from[run + EndpointRun.table],
      groups: from[run + EndpointRun.groups],
    })
  }

  /** Its root; the header leads to it. */
  finish(revision: number): number {
    const arena = this.#arena
    const root = this.#take(Root.WORDS)
    arena[root + Root.revision] = revision
    arena[root + Root.top] = this.#top
    arena[root + Root.levels] = this.#levels
    arena[root + Root.clusters] = this.#clusters
    arena[root + Root.rows] = this.#rows
    arena[root + Root.from] = this.#from
    arena[root + Root.behind] = this.#behind
    arena[root + Root.checksum] = endpointsChecksum(arena, root)
    return root
  }

  #setRun(cluster: number, at: number, { count, equal, table, groups }: Omit<Rows, 'words'>): void {
    const arena = this.#arena
    const run = this.#ownPage(cluster) + (cluster & (FAN_OUT - 1)) * EndpointRun.WORDS
    this.#rows += count - arena[run + EndpointRun.count]
    this.#behind += behindOf(table, groups) - behindAt(arena, run)
    arena[run + EndpointRun.first] = at / EndpointRow.WORDS
    arena[run + EndpointRun.count] = count
    arena[run + EndpointRun.equal] = equal
    arena[run + EndpointRun.table] = table
    arena[run + EndpointRun.groups] = groups
  }

  /** The cluster's page, copied into this revision, with the nodes above it. */
  #ownPage(cluster: number): number {
    const arena = this.#arena
    let at = this.#own(this.#top, this.#levels)
    this.#top = at
    for (let level = this.#levels; level > 0; level--) {
      const place = at + ((cluster >>> (level * DIGIT_BITS)) & (FAN_OUT - 1))
      at = this.#own(arena[place], level - 1)
      arena[place] = at
    }
    return at
  }

  /** A copy of a node, or of a page (level 0), unless this revision owns it; 0: an empty one. */
  #own(at: number, level: number): number {
    if (at > 0 && at >= this.#from) return at
    const words = level === 0 ? PAGE_WORDS : FAN_OUT
    const own = this.#take(words)
    if (at > 0) this.#arena.copyWithin(own, at, at + words)
    else this.#arena.fill(0, own, own + words)
    return own
  }

  #takeRows(words: number): number {
    if (this.#rowsAt < 0) return this.#take(words)
    const at = this.#rowsAt
    this.#rowsAt += words
    return at
  }

  #take(words: number): number {
    const at = this.#end
    this.#end += words
    assert(this.#end <= this.#arena.length, 'an endpoints part is too small')
    return at
  }
}
