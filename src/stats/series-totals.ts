/**
 * The counts of all workers' series by name: what /metrics and /routes show.
 *
 * The primary thread's end of series.ts. A row means something only with the table of its generation, so it
 * is named when it is first seen. Rows that are done are added to what is kept by name, and freed: a name's
 * counts never go back, whatever becomes of rules, endpoints and generations. Names that nothing is open for
 * and that were used longest ago go into "other" once there are too many.
 */

import { OTHER_ROW, RowState, SERIES_ROWS, Series, seriesAt, usedRows } from './series.ts'

/** Names that are kept; beyond, the oldest ones that are idle run together. */
export const NAMES_MAX = 65_536
/** As many are given up at once, so that each look does not have to. */
const GIVEN_UP = NAMES_MAX / 8

/** What a row of series counts, as rows of the table of its generation. */
export type SeriesRow = {
  readonly generation: number
  readonly workload: number
  readonly rule: number
  readonly cluster: number
  readonly endpoint: number
}

/** A name is the same for the same `key`, whatever generation it is from. */
export type Named = { readonly key: string }

/** Bytes and connections are of clients: `received` came from them, `sent` went to them. */
export type Counted = {
  /** Connections that were opened here, those included that moved on. */
  opened: number
  closed: number
  /** Connections that found no answer here and went on to another endpoint, where they count as opened. */
  moved: number
  /** Dials that failed. */
  failed: number
  received: number
  sent: number
  /** When one was last opened, milliseconds since 1970; 0: never. */
  lastWallMs: number
}

export type Total<Name extends Named> = Counted & { readonly name: Name }

type Views = { readonly words: Int32Array; readonly numbers: Float64Array }

export class SeriesTotals<Name extends Named> {
  /** Names that had to be given up, ever. */
  givenUp = 0
  readonly #workers: readonly Views[]
  readonly #nameOf: (row: SeriesRow) => Name
  readonly #other: Name
  readonly #folded = new Map<string, Total<Name>>()
  /** By worker and row, as long as the row is in use. */
  readonly #names: (Name | null)[][]

  /**
   * @param buffers  Made by `createSeries`, one for each worker.
   * @param nameOf   Asked once for each row that comes to use.
   * @param other    The name of what has none of its own.
   */
  constructor(buffers: readonly SharedArrayBuffer[], nameOf: (row: SeriesRow) => Name, other: Name) {
    this.#workers = buffers.map(buffer => ({
      words: new Int32Array(buffer),
      numbers: new Float64Array(buffer),
    }))
    this.#names = buffers.map(() => [])
    this.#nameOf = nameOf
    this.#other = other
  }

  /**
   * Names what is new, and frees what is done. To be called before a generation is forgotten, and now and then.
   */
  fold(): void {
    this.#each((name, worker, row, done) => {
      if (!done) return
      this.#add(this.#folded, name, this.#workers[worker], row)
      this.#names[worker][row] = null
      Atomics.store(this.#workers[worker].words, seriesAt(row) + Series.state, RowState.free)
    })
    if (this.#folded.size > NAMES_MAX) this.#giveUp()
  }

  /** Everything that was ever counted, by name. */
  totals(): Total<Name>[] {
    this.fold()
    const totals = new Map<string, Total<Name>>()
    for (const [key, total] of this.#folded) totals.set(key, { ...total })
    this.#each((name, worker, row) => this.#add(totals, name, this.#workers[worker], row))
    return [...totals.values()]
  }

  /** Connections that were ever opened and stayed, by the key of their name: less work than `totals`. */
  connections(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const [key, { opened, moved }] of this.#folded) counts.set(key, opened - moved)
    this.#each(({ key }, worker, row) => {
      const { numbers } = this.#workers[worker]
      const at = seriesAt(row) / 2
      const moved = numbers[at + Series.moved / 2]
      counts.set(key, (counts.get(key) ?? 0) + numbers[at + Series.opened / 2] - moved)
    })
    return counts
  }

  #each(visit: (name: Name, worker: number, row: number, done: boolean) => void): void {
    for (const [worker, { words }] of this.#workers.entries()) {
      const used = Math.min(usedRows(words), SERIES_ROWS)
      for (let row = 0; row < used; row++) {
        const state = Atomics.load(words, seriesAt(row) + Series.state)
        if (state !== RowState.free) visit(this.#name(worker, row), worker, row, state === RowState.done)
      }
    }
  }

  #name(worker: number, row: number): Name {
    if (row === OTHER_ROW) return this.#other
    const known = this.#names[worker][row]
    if (known) return known
    const { words } = this.#workers[worker]
    const at = seriesAt(row)
    const name = this.#nameOf({
      generation: words[at + Series.generation],
      workload: words[at + Series.workload],
      rule: words[at + Series.rule],
      cluster: words[at + Series.cluster],
      endpoint: words[at + Series.endpoint],
    })
    this.#names[worker][row] = name
    return name
  }

  #add(totals: Map<string, Total<Name>>, name: Name, { numbers }: Views, row: number): void {
    const at = seriesAt(row) / 2
    merge(totals, {
      name,
      // What is taken off is read first, so that no difference is ever below zero.
      closed: numbers[at + Series.closed / 2],
      moved: numbers[at + Series.moved / 2],
      opened: numbers[at + Series.opened / 2],
      failed: numbers[at + Series.failed / 2],
      received: numbers[at + Series.received / 2],
      sent: numbers[at + Series.sent / 2],
      lastWallMs: numbers[at + Series.lastWallMs / 2],
    })
  }

  /** What is folded only was not used lately, but for names that have rows again. */
  #giveUp(): void {
    const live = new Set<string>()
    this.#each(name => live.add(name.key))
    const idle = [...this.#folded.values()]
      .filter(({ name }) => !live.has(name.key) && name.key !== this.#other.key)
      .sort((a, b) => a.lastWallMs - b.lastWallMs)
    for (const total of idle.slice(0, this.#folded.size - NAMES_MAX + GIVEN_UP)) {
      this.#folded.delete(total.name.key)
      merge(this.#folded, { ...total, name: this.#other })
      this.givenUp++
    }
  }
}

function merge<Name extends Named>(totals: Map<string, Total<Name>>, more: Total<Name>): void {
  const { key } = more.name
  const known = totals.get(key)
  if (known === undefined) {
    totals.set(key, more)
    return
  }
  // The newer name says where the rule is now.
  const name = more.lastWallMs >= known.lastWallMs ? more.name : known.name
  totals.set(key, {
    name,
    opened: known.opened + more.opened,
    closed: known.closed + more.closed,
    moved: known.moved + more.moved,
    failed: known.failed + more.failed,
    received: known.received + more.received,
    sent: known.sent + more.sent,
    lastWallMs: Math.max(known.lastWallMs, more.lastWallMs),
  })
}
