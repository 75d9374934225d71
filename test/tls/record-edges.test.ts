/**
 * Goal: it is known which piece of a stream is one record of TLS, however its bytes are cut.
 * Method: random records in random pieces, against where the records were put.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordEdges } from '../../src/tls/record-edges.ts'
import { runs } from '../support/full.ts'

const lengths = fc.array(fc.oneof(fc.nat({ max: 6 }), fc.nat({ max: 700 })), { minLength: 1, maxLength: 30 })
/** A piece is the record that begins there, or so many bytes. */
const cuts = fc.array(fc.option(fc.integer({ min: 1, max: 800 })), { minLength: 60, maxLength: 60 })

test('a piece is one record, or it is not', () => {
  fc.assert(
    fc.property(lengths, cuts, (lengths, cuts) => {
      const stream = Buffer.concat(
        lengths.map(bytes => Buffer.concat([Buffer.of(23, 3, 3, bytes >> 8, bytes), Buffer.alloc(bytes, 9)])),
      )
      const wholes = new Map<number, number>()
      for (let at = 0, index = 0; index < lengths.length; at += 5 + lengths[index++])
        wholes.set(at, 5 + lengths[index])
      const edges = new RecordEdges()
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const whole = wholes.get(at)
        const bytes = Math.min(cuts[turn % cuts.length] ?? whole ?? 1, stream.length - at)
        assert.equal(edges.follow(stream, at, bytes), bytes === whole, `${bytes} bytes at ${at}`)
        at += bytes
      }
    }),
    { numRuns: runs(20_000) },
  )
})
