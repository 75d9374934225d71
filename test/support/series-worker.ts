/**
 * A thread that opens and closes connections in a series as a worker does, generation by
 * generation, as fast as it can.
 */

import { workerData } from 'node:worker_threads'
import { Series, SeriesWriter, seriesAt } from '../../src/stats/series.ts'

const { buffer, generations, keys, each } = workerData as {
  buffer: SharedArrayBuffer
  generations: number
  keys: number
  each: number
}
const writer = new SeriesWriter(buffer)
const ASKED = { endpoint: -1, family: 4, address: new Uint32Array(4), port: 80 }
const open: number[] = []
for (let generation = 1; generation <= generations; generation++) {
  writer.adopt(generation)
  for (let count = 0; count < each; count++) {
    const row = writer.open(generation, 0, count % keys, generation % 3, ASKED, generation)
    writer.numbers[(seriesAt(row) + Series.received) / 2] += 7
    open.push(row)
    if (open.length > 100) writer.close(open.shift() as number) // of generations before, too
  }
}
for (const row of open) writer.close(row)
