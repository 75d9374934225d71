/**
 * Gives back what a dead worker had of its sources (sources.ts).
 *
 * Its live rows say what its connections had. Only of the entries that it was just changing nobody
 * knows whether they count the change yet: those are counted anew, from the rows of all workers,
 * at a moment when no other worker is changing them.
 */

import { LiveHead, liveAt } from './connections.ts'
import { Entry, entryAt, HOLDS, holdOf, release, type Sources } from './source-table.ts'
import { giveSource, ROW_SOURCES } from './sources.ts'

/**
 * Another worker was changing it: that takes microseconds, but the look at all rows takes longer.
 * An entry that never rests keeps what the dead worker had of it.
 */
const TRIES = 100

/**
 * @param worker  The dead one; nobody has taken its place yet.
 * @param rows    The live rows of all workers.
 */
export function giveLost(sources: Sources, worker: number, rows: readonly Int32Array[]): void {
  const { words } = sources
  const holds = Array.from({ length: HOLDS }, (_, limit) => holdOf(worker, limit))
  const inDoubt = new Set(holds.map(hold => words[hold]).filter(held => held > 0))
  for (const place of placesOf(rows[worker])) {
    const has = rows[worker][place]
    if (has > 0 && !inDoubt.has(has)) giveSource(sources, has - 1)
    rows[worker][place] = 0
  }
  for (const hold of holds) Atomics.store(words, hold, 0)
  for (const held of inDoubt) countAnew(sources, held - 1, rows)
}

/** Every word of the rows that says what a connection has. */
function* placesOf(rows: Int32Array): Generator<number> {
  const used = Atomics.load(rows, LiveHead.used)
  for (let row = 0; row < used; row++) for (const place of ROW_SOURCES) yield liveAt(row) + place
}

function countAnew(sources: Sources, entry: number, rows: readonly Int32Array[]): void {
  const { words } = sources
  const at = entryAt(sources, entry)
  for (let tried = 0; tried < TRIES; tried++) {
    const changes = Atomics.load(words, at + Entry.changes)
    if (isHeld(sources, entry, rows.length)) continue // perhaps counted, and not yet in a row
    const counted = Atomics.load(words, at + Entry.connections)
    const had = connectionsIn(rows, entry)
    if (isHeld(sources, entry, rows.length) || Atomics.load(words, at + Entry.changes) !== changes) continue
    const isClaimed = counted < 0 || Atomics.load(words, at + Entry.ready) === 0
    if (isClaimed) release(sources, entry)
    if (isClaimed || Atomics.compareExchange(words, at + Entry.connections, counted, had) === counted) return
  }
}

/** Of all rows, those whose connection counts at the entry. */
function connectionsIn(rows: readonly Int32Array[], entry: number): number {
  let count = 0
  for (const own of rows) for (const place of placesOf(own)) if (own[place] === entry + 1) count++
  return count
}

/** Whether a worker is changing the entry. */
function isHeld({ words }: Sources, entry: number, workers: number): boolean {
  for (let hold = holdOf(0, 0); hold < holdOf(workers, 0); hold++)
    if (Atomics.load(words, hold) === entry + 1) return true
  return false
}
