/** An upstream's first byte: when it came after the connect. */

import { Live } from '../../stats/connections.ts'
import { openHistogram, record } from '../../stats/histogram.ts'

const U32_MAX = 2 ** 32 - 1

export class FirstByte {
  readonly #words: Int32Array
  readonly #numbers: Float64Array
  readonly #latencies: Float64Array

  /** @param numbers  The live rows, as `words` are. */
  constructor(words: Int32Array, numbers: Float64Array, histograms: SharedArrayBuffer) {
    this.#words = words
    this.#numbers = numbers
    this.#latencies = openHistogram(histograms, 'firstByte')
  }

  /** It comes now, for the row that begins at word `at`. */
  came(at: number, nowMs: number): void {
    const tookMs = nowMs - this.#numbers[(at + Live.connectedMs) / 2]
    const tookUs = Math.min(Math.round(tookMs * 1000), U32_MAX)
    record(this.#latencies, tookUs)
    this.#words[at + Live.firstByteUs] = Math.max(tookUs, 1) // 0 is none
  }
}
