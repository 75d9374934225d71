/** Goal: the mirror of an API knows how much it holds, whatever comes, changes and goes. */

import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ApiObject, objectKey } from '../../src/config/text/read-objects.ts'
import { mirrorWith } from '../../src/control/compile/mirror.ts'

const object = fc
  .record({ name: fc.constantFrom('a', 'b', 'c', 'd'), text: fc.string({ maxLength: 20 }) })
  .map(({ name, text }): ApiObject => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, text }))
const update = fc.record({
  isWhole: fc.boolean(),
  changed: fc.uniqueArray(object, { maxLength: 4, selector: objectKey }),
  removed: fc.subarray(['a', 'b', 'c', 'd']),
})

let stores = 1_000

test('the length of a mirror is that of its objects', () => {
  fc.assert(
    fc.property(fc.array(update, { minLength: 1, maxLength: 8 }), updates => {
      const store = stores++
      for (const [index, { isWhole, changed, removed }] of updates.entries()) {
        const keys = new Set(changed.map(objectKey))
        const gone = removed.map(name => objectKey({ apiVersion: 'v1', kind: 'Service', metadata: { name } }))
        const mirror = mirrorWith({
          store,
          from: isWhole ? 0 : index,
          to: index + 1,
          changed,
          removed: gone.filter(key => !keys.has(key)),
          stamp: 0,
        })
        ok(mirror)
        const lengths = mirror.entries.map(each => JSON.stringify(each.object).length)
        equal(
          mirror.length,
          lengths.reduce((sum, length) => sum + length, 0),
        )
      }
    }),
    { numRuns: 100 },
  )
})
