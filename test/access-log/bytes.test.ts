/** Numbers and times are written as Node writes them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Bytes } from '../../src/access-log/bytes.ts'
import { WallTime } from '../../src/access-log/wall-time.ts'

test('numbers are written as Node writes them', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer()), fc.nat(2 ** 31 - 1), (value, thousandths) => {
      const out = new Bytes(64)
      out.number(value)
      out.put(Buffer.from(' '))
      out.thousandths(thousandths)
      const text = Buffer.from(out.buffer.subarray(0, out.length)).toString()
      assert.equal(text, `${value} ${(thousandths / 1000).toFixed(3)}`)
    }),
  )
})

test('times are written as Node writes them', () => {
  const time = new WallTime('', '')
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), date => {
      const out = new Bytes(64)
      time.put(out, date.getTime())
      assert.equal(Buffer.from(out.buffer.subarray(0, out.length)).toString(), date.toISOString())
    }),
  )
})
