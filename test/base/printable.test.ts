import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printable } from '../../src/base/printable.ts'

test('what a terminal would act on is written out, all else stays', () => {
  assert.equal(printable('a\u001b[31mb\nc\u202ed\u2028é 漢'), 'a\\u001b[31mb\\u000ac\\u202ed\\u2028é 漢')
})
