/**
 * The observer: the main thread's view of the connections that the workers record (src/stats), with
 * names.
 *
 * It can be called at any time without disturbing a worker. Its answers are a moment old.
 */

import { wallMs } from '../../base/clock.ts'
import type { RevisedPart } from '../../engine/worker/protocol.ts'
import { EndedConnections } from '../../stats/ended-connections.ts'
import { Generations, OTHER, type SeriesName } from '../../stats/generations.ts'
import { type HistogramName, type Summed, sumHistograms } from '../../stats/histogram.ts'
import type { JournalMemory } from '../../stats/journal-memory.ts'
import { LastMinute, MARK_EVERY_MS } from '../../stats/last-minute.ts'
import { LiveConnections } from '../../stats/live-connections.ts'
import { droppedRecords } from '../../stats/records.ts'
import { SeriesTotals, type Total } from '../../stats/series-totals.ts'
import { openStats } from '../../stats/stats.ts'
import type { TableBuffers } from '../../table/format/table.ts'

/** The interval at which finished rows are freed; until then they are not reused. */
const FOLD_MS = 1_000
const MINUTE_MS = 60_000

/**
 * Counts of one reading, and how many connections may be counted at one name and not at another.
 */
export type Counted = {
  readonly totals: readonly Total<SeriesName>[]
  readonly underWay: number
  /** Of sticky splits: stats/split-clients.ts; null: nobody counts them. */
  readonly clients: Int32Array | null
}

export class Observer {
  /** The open connections. */
  readonly live: LiveConnections
  /** Those that ended last. */
  readonly ended: EndedConnections
  /** The meaning of rows, by their tables. */
  readonly generations: Generations
  readonly #journals: readonly JournalMemory[]
  readonly #series: SeriesTotals<SeriesName>
  readonly #lastMinute = new LastMinute()
  readonly #clients: Int32Array | null
  readonly #timers: readonly NodeJS.Timeout[]

  /** @param stats  The shared counts: stats/stats.ts. */
  constructor(journals: readonly JournalMemory[], stats: SharedArrayBuffer | null = null) {
    this.#journals = journals
    this.#clients = stats && openStats(stats).clients
    this.live = new LiveConnections(journals.map(each => each.connections))
    this.ended = new EndedConnections(journals)
    this.generations = new Generations(this.live, this.ended)
    this.#series = new SeriesTotals(
      journals.map(each => each.series),
      this.generations.seriesName,
      OTHER,
    )
    this.#timers = [
      setInterval(() => this.#series.fold(), FOLD_MS).unref(),
      setInterval(() => this.#lastMinute.mark(this.#series.connections()), MARK_EVERY_MS).unref(),
    ]
  }

  /** A table is about to be published. */
  publishing(table: TableBuffers): void {
    this.#series.fold() // names what refers to the table that is dropped
    this.generations.add(table)
    this.generations.trim()
  }

  /** A part of the newest table is about to be replaced. */
  revising(part: RevisedPart, buffer: SharedArrayBuffer): void {
    this.generations.revise(part, buffer)
  }

  /** All counts by rule, destination, endpoint and client, over all generations. */
  totals(): Total<SeriesName>[] {
    return this.#series.totals()
  }

  /** The same, with how many connections they may have missed in part, as workers went on. */
  counted(): Counted {
    const before = this.live.lastIds()
    const totals = this.totals()
    const came = this.live.lastIds() - before
    return { totals, underWay: came === 0 ? 0 : came + this.#journals.length, clients: this.#clients }
  }

  /**
   * How many of a total's connections are of the last minute, within ten seconds; none if it had
   * none.
   */
  lastMinute({ name, opened, moved, lastWallMs }: Total<SeriesName>): number {
    return lastWallMs < wallMs() - MINUTE_MS ? 0 : this.#lastMinute.of(name.key, opened - moved)
  }

  /** Names dropped for lack of space; their counts are in "other". */
  get namesGivenUp(): number {
    return this.#series.givenUp
  }

  histogram(name: HistogramName): Summed {
    return sumHistograms(
      this.#journals.map(each => each.histograms),
      name,
    )
  }

  /** Records dropped on their way to the access log, since the start. */
  get recordsDropped(): number {
    return this.#journals.reduce((sum, { records }) => sum + droppedRecords(records), 0)
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }
}
