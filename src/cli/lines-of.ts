/** The lines of a stream, whose errors reach who reads them. */

import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const failed = Promise.withResolvers<never>()
  stream.once('error', failed.reject)
  failed.promise.catch(() => {})
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })[
    Symbol.asyncIterator
  ]()
  for (;;) {
    const next = await Promise.race([lines.next(), failed.promise])
    if (next.done) return
    yield next.value
  }
}
