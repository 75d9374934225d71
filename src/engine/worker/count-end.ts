/** Counts the end of a connection in its series: whether its server has done well. */

import { Live, Stage } from '../../stats/connections.ts'
import { Reason } from '../../stats/reasons.ts'
import { BRIEF_MS, type SeriesWriter } from '../../stats/series.ts'

/** Of the live row that begins at word `at`. */
export function countEnd(
  series: SeriesWriter,
  words: Int32Array,
  numbers: Float64Array,
  at: number,
  reason: number,
  nowMs: number,
): void {
  const row = words[at + Live.series]
  const state = words[at + Live.state]
  if (state === Stage.relaying || state === Stage.halfClosed) {
    if (numbers[(at + Live.fromUpstream) / 2] === 0) series.wasSilent(row)
    if (nowMs - numbers[(at + Live.connectedMs) / 2] < BRIEF_MS) series.wasBrief(row)
    if (reason === Reason['upstream-reset'] || reason === Reason['upstream-lost']) series.wasReset(row)
  }
  series.close(row)
}
