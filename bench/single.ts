/** Single operations, timed one by one. */

import { build, type Histogram } from 'hdr-histogram-js'
import { monotonicMs } from '../src/base/clock.ts'
import { mix } from './rivals.ts'

/** Fills `times` with the milliseconds of each operation. */
export function timeEach(operation: (index: number) => number, times: Float64Array): number {
  let checksum = 0
  for (let index = 0; index < times.length; index++) {
    const startedMs = monotonicMs()
    const answer = operation(index)
    times[index] = monotonicMs() - startedMs
    checksum = mix(checksum, answer)
  }
  return checksum
}

export function histogramOf(timesMs: Float64Array): Histogram {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 1e10,
    numberOfSignificantValueDigits: 3,
  })
  for (const ms of timesMs) histogram.recordValue(Math.max(0, Math.round(ms * 1e6)))
  return histogram
}
