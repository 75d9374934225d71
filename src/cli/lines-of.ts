/** The lines of a stream, whose errors reach who reads them, and those of a log. */

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Env } from './env.ts'

export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const failures: Error[] = []
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })
  stream.once('error', error => {
    failures.push(error)
    lines.close() // which tells nobody of the error
  })
  yield* lines
  if (failures.length > 0) throw failures[0]
}

/** Of a file, of standard input (-), or of a compressed file: a log that was rotated often is. */
export const linesOfLog = (log: string, env: Env): AsyncGenerator<string> => linesOf(streamOf(log, env))

function streamOf(log: string, { stdin }: Env): Readable {
  if (log === '-') return stdin
  const file = createReadStream(log)
  if (!log.endsWith('.gz')) return file
  const unzipped = createGunzip()
  file.once('error', error => unzipped.destroy(error))
  return file.pipe(unzipped)
}
