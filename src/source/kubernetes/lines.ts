/**
 * Lines of a watch: JSON objects, each ended by a newline. A line that is cut off is none, and
 * silence for too long is an error: a load balancer may drop a connection without a word.
 */

import type { IncomingMessage } from 'node:http'
import { finished } from 'node:stream'

/** etcd keeps no object above 1.5 MiB; an event holds one. */
const LINE_BYTES_MAX = 16 * 1024 ** 2
const NEWLINE = 10

/**
 * Gives the whole lines of `body` to `onLine`, until it ends or `onLine` wants no more of them. By
 * callback, since an iterator of a stream costs more than what is read of a line.
 *
 * @param onLine  False: that is enough. What it throws ends the reading.
 * @returns after the last line. @throws after `idleMs()` without a byte.
 */
export async function readLines(
  body: IncomingMessage,
  idleMs: () => number,
  onLine: (line: string) => boolean,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const lines = new Lines()
  const guard = (ms: number) =>
    setTimeout(() => body.destroy(new Error(`not a byte for ${Math.ceil(ms / 1000)} s`)), ms)
  let waitsMs = idleMs()
  let timer = guard(waitsMs)
  const renew = (): void => {
    const nextMs = idleMs() // the reader of the lines may wait for others by now
    if (nextMs === waitsMs) {
      timer.refresh()
      return
    }
    clearTimeout(timer)
    waitsMs = nextMs
    timer = guard(waitsMs)
  }
  const onData = (chunk: Buffer): void => {
    try {
      if (lines.take(chunk, onLine)) {
        renew()
        return
      }
      resolve()
    } catch (error) {
      reject(error)
    }
    body.off('data', onData)
  }
  finished(body, error => (error ? reject(error) : resolve()))
  body.on('data', onData)
  try {
    await promise
  } finally {
    clearTimeout(timer)
    body.destroy()
  }
}

/** The part of a line that has come so far. */
class Lines {
  #rest: Buffer[] = []
  #size = 0

  /** False: `onLine` wants no more. */
  take(chunk: Buffer, onLine: (line: string) => boolean): boolean {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const line = this.#whole(chunk, from, at)
      from = at + 1
      if (line !== '' && !onLine(line)) return false
    }
    if (from < chunk.length) {
      this.#rest.push(chunk.subarray(from))
      this.#size += chunk.length - from
      if (this.#size > LINE_BYTES_MAX) throw new Error('an event is larger than 16 MiB')
    }
    return true
  }

  #whole(chunk: Buffer, from: number, to: number): string {
    if (this.#rest.length === 0) return chunk.toString('utf8', from, to)
    const line = Buffer.concat([...this.#rest, chunk.subarray(from, to)]).toString('utf8')
    this.#rest = []
    this.#size = 0
    return line
  }
}
