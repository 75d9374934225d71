/**
 * The counts of all workers' series by name: what /metrics and /routes show.
 *
 * The main thread's side of series.ts. A row has a meaning only with the table of its generation,
 * so it is named when it is first seen. Finished rows are added to the totals by name and freed, so
 * a name's counts never decrease, whatever becomes of rules, endpoints and generations. If there
 * are too many names, the longest unused ones without open connections move into "other".
 */

import { type Family, formatAddress, formatEndpoint } from '../address/address.ts'
import { INSTEAD, OTHER_ROW, RowState, SERIES_ROWS, Series, seriesAt, usedRows } from './series.ts'

/** Names that are kept; beyond, the oldest idle ones are merged into "other". */
export const NAMES_MAX = 65_536
/** This many are merged at once, so that not every reading has to. */
const GIVEN_UP = NAMES_MAX / 8

/** The key of a row of series; except for the endpoint, as rows of the table of its generation. */
export type SeriesRow = {
  readonly generation: number
  readonly workload: number
  readonly rule: number
  readonly cluster: number
  /** "10.0.0.1:80"; null: the address that the client dialed. */
  readonly endpoint: string | null
  /** Row of the cluster that gets what this one gives away, being down; −1: it is no such row. */
  readonly instead: number
}

/** Names with the same `key` are the same, whatever their generation. */
export type Named = { readonly key: string }

/** Bytes and connections are of clients: `received` came from them, `sent` went to them. */
type Counted = {
  /** Connections opened here, including those that moved on. */
  opened: number
  closed: number
  /**
   * Connections that got no answer here and went on to another endpoint, where they count as
   * opened.
   */
  moved: number
  /** Failed dials. */
  failed: number
  /** Closed ones that had connected, and got no byte from the endpoint. */
  silent: number
  /** Closed ones that the endpoint reset, or was lost to. */
  reset: number
  /** Closed ones that had connected less than a second before. */
  brief: number
  /** Connections that the destination, being down, gave to another. */
  given: number
  received: number
  sent: number
  /** The time of the last opened one, milliseconds since 1970; 0: never. */
  lastWallMs: number
}

export type Total<Name extends Named> = Counted & { readonly name: Name }

type Views = { readonly words: Int32Array; readonly numbers: Float64Array }

/** All counts of one key. */
type Entry<Name extends Named> = {
  /** Counts of finished rows; null: none. */
  folded: Sum<Name> | null
  /** The answer of `totals`, and the number of that call. */
  total: Sum<Name> | null
  turn: number
}
type Sum<Name extends Named> = Counted & { name: Name }

/** A row of series that is in use. */
type Row<Name extends Named> = { readonly name: Name; readonly entry: Entry<Name> }

export class SeriesTotals<Name extends Named> {
  /** Names merged into "other", since the start. */
  givenUp = 0
  readonly #workers: readonly Views[]
  readonly #nameOf: (row: SeriesRow) => Name
  readonly #other: Row<Name>
  /**
   * By key: what rows in use and folded counts share, so that a reading adds up without a search.
   */
  readonly #entries = new Map<string, Entry<Name>>()
  #foldedCount = 0
  /** By worker and row, while the row is in use. */
  readonly #rows: (Row<Name> | null)[][]
  #turn = 0

  /**
   * @param buffers  Made by `createSeries`, one for each worker.
   * @param nameOf   Called once for each row that comes into use.
   * @param other    The name of counts without one of their own.
   */
  constructor(buffers: readonly SharedArrayBuffer[], nameOf: (row: SeriesRow) => Name, other: Name) {
    this.#workers = buffers.map(buffer => ({
      words: new Int32Array(buffer),
      numbers: new Float64Array(buffer),
    }))
    this.#rows = buffers.map(() => [])
    this.#nameOf = nameOf
    this.#other = { name: other, entry: this.#entry(other.key) }
  }

  /**
   * Names new rows, and frees finished ones. Call it before a generation is dropped, and regularly.
   */
  fold(): void {
    this.#each(({ name, entry }, worker, row, done) => {
      if (!done) return
      this.#fold(entry, name, worker, row)
      this.#rows[worker][row] = null
      Atomics.store(this.#workers[worker].words, seriesAt(row) + Series.state, RowState.free)
    })
    if (this.#foldedCount > NAMES_MAX) this.#giveUp()
  }

  /** All counts, by name. */
  totals(): Total<Name>[] {
    this.fold()
    this.#turn++
    const totals: Total<Name>[] = []
    const totalOf = (entry: Entry<Name>, name: Name): Sum<Name> => {
      if (entry.total !== null && entry.turn === this.#turn) return entry.total
      entry.turn = this.#turn
      entry.total = entry.folded ? { ...entry.folded } : nothing(name)
      totals.push(entry.total)
      return entry.total
    }
    for (const entry of this.#entries.values()) if (entry.folded) totalOf(entry, entry.folded.name)
    this.#each(({ name, entry }, worker, row) => this.#add(totalOf(entry, name), name, worker, row))
    return totals
  }

  /** Connections that were opened and stayed, by the key of their name: cheaper than `totals`. */
  connections(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const [key, { folded }] of this.#entries) if (folded) counts.set(key, folded.opened - folded.moved)
    this.#each(({ name: { key } }, worker, row) => {
      const { numbers } = this.#workers[worker]
      const at = seriesAt(row) / 2
      const moved = numbers[at + Series.moved / 2]
      counts.set(key, (counts.get(key) ?? 0) + numbers[at + Series.opened / 2] - moved)
    })
    return counts
  }

  #each(visit: (named: Row<Name>, worker: number, row: number, done: boolean) => void): void {
    for (const [worker, { words }] of this.#workers.entries()) {
      const used = Math.min(usedRows(words), SERIES_ROWS)
      for (let row = 0; row < used; row++) {
        const state = Atomics.load(words, seriesAt(row) + Series.state)
        if (state !== RowState.free) visit(this.#row(worker, row), worker, row, state === RowState.done)
      }
    }
  }

  #row(worker: number, row: number): Row<Name> {
    if (row === OTHER_ROW) return this.#other
    const known = this.#rows[worker][row]
    if (known) return known
    const { words } = this.#workers[worker]
    const at = seriesAt(row)
    const name = this.#nameOf({
      generation: words[at + Series.generation],
      workload: words[at + Series.workload],
      rule: words[at + Series.rule],
      cluster: words[at + Series.cluster],
      endpoint: endpointText(words, at),
      instead: words[at + Series.family] === INSTEAD ? words[at + Series.port] : -1,
    })
    const named = { name, entry: this.#entry(name.key) }
    this.#rows[worker][row] = named
    return named
  }

  #entry(key: string): Entry<Name> {
    const known = this.#entries.get(key)
    if (known) return known
    const entry = { folded: null, total: null, turn: 0 }
    this.#entries.set(key, entry)
    return entry
  }

  #fold(entry: Entry<Name>, name: Name, worker: number, row: number): void {
    if (entry.folded === null) this.#foldedCount++
    entry.folded ??= nothing(name)
    this.#add(entry.folded, name, worker, row)
  }

  #add(to: Sum<Name>, name: Name, worker: number, row: number): void {
    const { numbers } = this.#workers[worker]
    const at = seriesAt(row) / 2
    // Reads the subtrahend first, so that no difference is ever below zero.
    to.closed += numbers[at + Series.closed / 2]
    to.moved += numbers[at + Series.moved / 2]
    to.opened += numbers[at + Series.opened / 2]
    to.failed += numbers[at + Series.failed / 2]
    to.silent += numbers[at + Series.silent / 2]
    to.reset += numbers[at + Series.reset / 2]
    to.brief += numbers[at + Series.brief / 2]
    to.given += numbers[at + Series.given / 2]
    to.received += numbers[at + Series.received / 2]
    to.sent += numbers[at + Series.sent / 2]
    named(to, name, numbers[at + Series.lastWallMs / 2])
  }

  /** Names with folded counts only were not used lately, except those that have rows again. */
  #giveUp(): void {
    const live = new Set<Entry<Name>>([this.#other.entry])
    this.#each(({ entry }) => live.add(entry))
    const idle = [...this.#entries].flatMap(([key, entry]) =>
      entry.folded && !live.has(entry) ? [{ key, folded: entry.folded }] : [],
    )
    idle.sort((a, b) => a.folded.lastWallMs - b.folded.lastWallMs)
    for (const { key, folded } of idle.slice(0, this.#foldedCount - NAMES_MAX + GIVEN_UP)) {
      const { name, entry } = this.#other
      this.#entries.delete(key)
      if (entry.folded !== null) this.#foldedCount--
      entry.folded = sum(entry.folded ?? nothing(name), folded)
      this.givenUp++
    }
  }
}

const nothing = <Name extends Named>(name: Name): Sum<Name> => ({
  name,
  opened: 0,
  closed: 0,
  moved: 0,
  failed: 0,
  silent: 0,
  reset: 0,
  brief: 0,
  given: 0,
  received: 0,
  sent: 0,
  lastWallMs: 0,
})

/** The newer name has the rule's current place. */
function named<Name extends Named>(to: Sum<Name>, name: Name, lastWallMs: number): void {
  if (lastWallMs < to.lastWallMs) return
  to.name = name
  to.lastWallMs = lastWallMs
}

/** Adds `more` under the name of `to`. */
const sum = <Name extends Named>(to: Sum<Name>, more: Counted): Sum<Name> => ({
  name: to.name,
  opened: to.opened + more.opened,
  closed: to.closed + more.closed,
  moved: to.moved + more.moved,
  failed: to.failed + more.failed,
  silent: to.silent + more.silent,
  reset: to.reset + more.reset,
  brief: to.brief + more.brief,
  given: to.given + more.given,
  received: to.received + more.received,
  sent: to.sent + more.sent,
  lastWallMs: Math.max(to.lastWallMs, more.lastWallMs),
})

function endpointText(words: Int32Array, at: number): string | null {
  const family = words[at + Series.family]
  if (family === 0 || family === INSTEAD) return null
  const address = formatAddress(family as Family, words, at + Series.address)
  return formatEndpoint(address, words[at + Series.port])
}
