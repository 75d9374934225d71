/**
 * Lines of a watch: JSON objects, each ended by a newline. A line that is cut off is none, and
 * silence for too long is an error: a load balancer may drop a connection without a word.
 *
 * An API server sends each event for itself, and each one that is read alone costs a turn of the
 * event loop. So after some have come, the next ones wait in the kernel for a moment, and are read
 * together. What waits longer than the kernel's buffer has room is held back by the server.
 */

import type { IncomingMessage } from 'node:http'
import { finished } from 'node:stream'

/** etcd keeps no object above 1.5 MiB; an event holds one. */
const LINE_BYTES_MAX = 16 * 1024 ** 2
const NEWLINE = 10

type Reading = {
  /** How long the body may be silent. */
  readonly idleMs: () => number
  /** How long what comes next may wait, once something has come; 0: it is read at once. */
  readonly restMs: () => number
  /** False: that is enough. What it throws ends the reading. */
  readonly onLine: (line: string) => boolean
}

/**
 * Gives the whole lines of `body` to `onLine`, until it ends or `onLine` wants no more of them. By
 * callback, since an iterator of a stream costs more than what is read of a line.
 *
 * @returns after the last line. @throws after `idleMs()` without a byte.
 */
export async function readLines(body: IncomingMessage, { idleMs, restMs, onLine }: Reading): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const lines = new Lines()
  const rests = new Rests(body, restMs)
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
        if (rests.begin()) renew()
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
    rests.close()
    body.destroy()
  }
}

/** Pauses a body once all that had come is read, and lets it go on after a while. */
class Rests {
  readonly #body: IncomingMessage
  readonly #restMs: () => number
  #read: NodeJS.Immediate | undefined
  #over: NodeJS.Timeout | undefined

  constructor(body: IncomingMessage, restMs: () => number) {
    this.#body = body
    this.#restMs = restMs
  }

  /** False: it has begun already, for what came before in the same turn. */
  begin(): boolean {
    if (this.#read) return false
    const ms = this.#restMs()
    if (ms > 0) this.#read = setImmediate(() => this.#pause(ms))
    return true
  }

  close(): void {
    clearImmediate(this.#read)
    clearTimeout(this.#over)
  }

  #pause(ms: number): void {
    this.#body.pause()
    this.#over = setTimeout(() => {
      this.#read = undefined
      this.#body.resume()
    }, ms)
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
