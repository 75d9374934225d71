/** What a change of PROXY headers, read or sent, takes from connections. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Parts } from '../support/guarded.ts'
import { between, EDGE, FILES, headed, settings, told, V1, V2 } from '../support/losses.ts'

const BOTH_SUBSETS = [V1, V2].map(each => `sends ${each}`)

const HEADERS: readonly (readonly [string, Parts, Parts, readonly string[]])[] = [
  ['a listener begins to read', FILES, settings('{from: [10.0.0.1]}'), [`reads ${EDGE}`]],
  ['a listener reads no more', settings('{from: [10.0.0.1]}'), FILES, [`reads ${EDGE}`]],
  ['another sender', settings('{from: [10.0.0.1]}'), settings('{from: [10.0.0.2]}'), [`reads ${EDGE}`]],
  ['a sender more', settings('{from: [10.0.0.1]}'), settings('{from: [10.0.0.1, "::1"]}'), []],
  ['wider ranges', settings('{from: [10.0.0.1]}'), settings('{from: [10.0.0.0/24]}'), []],
  ['narrower ranges', settings('{from: [10.0.0.0/24]}'), settings('{from: [10.0.0.1]}'), [`reads ${EDGE}`]],
  [
    'a sender more, where others were clients',
    settings('{from: [10.0.0.1], require: false}'),
    settings('{from: [10.0.0.1, 10.0.0.2], require: false}'),
    [`reads ${EDGE}`],
  ],
  ['others are clients', settings('{from: [10.0.0.1]}'), settings('{from: [10.0.0.1], require: false}'), []],
  [
    'others are clients no more',
    settings('{from: [10.0.0.1], require: false}'),
    settings('{from: [10.0.0.1]}'),
    [`reads ${EDGE}`],
  ],
  [
    'a version less',
    settings('{from: [10.0.0.1]}'),
    settings('{from: [10.0.0.1], versions: [2]}'),
    [`reads ${EDGE}`],
  ],
  ['a version more', settings('{from: [10.0.0.1], versions: [2]}'), settings('{from: [10.0.0.1]}'), []],
  [
    'less time',
    settings('{from: [10.0.0.1]}'),
    settings('{from: [10.0.0.1], timeout: 1s}'),
    [`reads ${EDGE}`],
  ],
  ['a destination begins to get a header', FILES, headed('V1'), BOTH_SUBSETS],
  ['a destination gets another header', headed('V1'), headed('V2'), BOTH_SUBSETS],
  ['a destination gets none any more', headed('V2'), FILES, BOTH_SUBSETS],
  ['the same header', headed('V2'), headed('V2'), []],
]

for (const [what, before, after, expected] of HEADERS) {
  test(`PROXY headers: ${what}`, () => assert.deepEqual(told(between(before, after)), expected))
}
