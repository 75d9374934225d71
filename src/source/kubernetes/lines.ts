/**
 * Lines of a watch: JSON objects, each ended by a newline. A line that is cut off is none, and
 * silence for too long is an error: a load balancer may drop a connection without a word.
 */

import type { IncomingMessage } from 'node:http'

/** etcd keeps no object above 1.5 MiB; an event holds one. */
const LINE_BYTES_MAX = 16 * 1024 ** 2
const NEWLINE = 10

/** The whole lines of `body`, until it ends. @throws after `idleMs()` without a byte. */
export async function* linesOf(body: IncomingMessage, idleMs: () => number): AsyncGenerator<string> {
  let rest: Buffer[] = []
  let size = 0
  const guard = (ms: number) =>
    setTimeout(() => body.destroy(new Error(`not a byte for ${Math.ceil(ms / 1000)} s`)), ms)
  let waitsMs = idleMs()
  let timer = guard(waitsMs)
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      let from = 0
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
        const line = Buffer.concat([...rest, chunk.subarray(from, at)]).toString('utf8')
        from = at + 1
        rest = []
        size = 0
        if (line !== '') yield line
      }
      if (from < chunk.length) {
        rest.push(chunk.subarray(from))
        size += chunk.length - from
        if (size > LINE_BYTES_MAX) throw new Error('an event is larger than 16 MiB')
      }
      const nextMs = idleMs() // the reader of the lines may wait for others by now
      if (nextMs === waitsMs) timer.refresh()
      else {
        clearTimeout(timer)
        waitsMs = nextMs
        timer = guard(waitsMs)
      }
    }
  } finally {
    clearTimeout(timer)
    body.destroy()
  }
}
