/** An upstream's first byte: when it came after the connect, or that none has come. */

import { Live, Stage } from '../../stats/connections.ts'
import { openHistogram, record } from '../../stats/histogram.ts'

const U32_MAX = 2 ** 32 - 1

const FROM_UPSTREAM = Live.fromUpstream / 2

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

  /** Whether the endpoint was connected to, and has said nothing. */
  isMissing(at: number): boolean {
    const state = this.#words[at + Live.state]
    const isConnected = state === Stage.relaying || state === Stage.halfClosed
    return isConnected && this.#numbers[at / 2 + FROM_UPSTREAM] === 0
  }
}
