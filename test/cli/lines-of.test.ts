/** The lines of a stream: all of them, none kept, and its error. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { linesOf } from '../../src/cli/lines-of.ts'

const LINES = 300_000
const HEAP_MB = 12

/** Reads lines of 100 bytes, 30 MB of them, and tells how many. */
const COUNTING = `data:text/javascript,${encodeURIComponent(`
  import { Readable } from 'node:stream'
  import { parentPort } from 'node:worker_threads'
  import { linesOf } from '${new URL('../../src/cli/lines-of.ts', import.meta.url)}'
  function* pieces() {
    for (let piece = 0; piece < ${LINES / 500}; piece++) yield Buffer.from(('x'.repeat(99) + '\\n').repeat(500))
  }
  let count = 0
  for await (const line of linesOf(Readable.from(pieces(), { objectMode: false }))) count += line.length === 99
  parentPort.postMessage(count)
`)}`

test('a log of any size is read with a small heap', async () => {
  const worker = new Worker(new URL(COUNTING), { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } })
  assert.deepEqual(await once(worker, 'message'), [LINES])
})

test('who reads lines gets those before an error, and then the error', async () => {
  const read: string[] = []
  const failing = Readable.from(
    (function* () {
      yield 'a\nb\r\n'
      yield 'c'
      throw new Error('the disk is gone')
    })(),
  )
  await assert.rejects(async () => {
    for await (const line of linesOf(failing)) read.push(line)
  }, /the disk is gone/)
  assert.deepEqual(read.slice(0, 2), ['a', 'b'])
})
