/**
 * Closes the journal of a dead worker: counts and records the end of every connection that it had
 * open.
 *
 * The supervisor calls it, as the only writer until the next worker starts.
 */

import { clockOriginMs, monotonicMs, wallNowMs } from '../base/clock.ts'
import { Live, LiveHead, liveAt, openConnections, Stage, withdrawRow } from './connections.ts'
import type { JournalMemory } from './journal-memory.ts'
import { Reason } from './reasons.ts'
import { copyRow, RecordKind, RecordWriter } from './records.ts'
import { SeriesWriter } from './series.ts'

/**
 * Ends every live row.
 *
 * @param open  Connections of the worker: those without a row, since they were just accepted, get a
 * record without any further field.
 */
export function endLost(memory: JournalMemory, open: number): void {
  const { words, numbers } = openConnections(memory.connections)
  const series = new SeriesWriter(memory.series)
  const originMs = numbers[LiveHead.originMs / 2]
  const records = new RecordWriter(memory.records, originMs)
  const nowMs = monotonicMs() + clockOriginMs - originMs
  const recorded = records.lastEnded() // the worker may have died before it freed the row
  let left = open
  for (let row = 0; row < words[LiveHead.used]; row++) {
    const at = liveAt(row)
    if (words[at + Live.state] === 0) continue
    left--
    if (numbers[(at + Live.id) / 2] !== recorded)
      write(records, nowMs, to => copyRow(words, at, records.words, to))
    if (words[at + Live.state] !== Stage.reading) series.close(words[at + Live.series])
    if ((words[at + Live.version] & 1) === 1) withdrawRow(words, at)
    words[at + Live.state] = 0
  }
  for (; left > 0; left--) {
    write(records, nowMs, to => {
      records.words.fill(0, to, to + Live.WORDS)
      for (const word of [Live.scope, Live.rule, Live.route, Live.cluster]) records.words[to + word] = -1
      records.numbers[(to + Live.acceptedWallMs) / 2] = wallNowMs()
      records.numbers[(to + Live.acceptedMs) / 2] = nowMs
    })
  }
}

function write(records: RecordWriter, nowMs: number, fill: (to: number) => void): void {
  const to = records.claim()
  if (to < 0) return
  fill(to)
  records.end(to, RecordKind.end, Reason['worker-lost'], nowMs)
}
