import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cap } from '../../src/admin/metrics/cap.ts'
import { atOnce } from '../support/at-once.ts'

const OTHER = { name: 'other' }
const labelsOf = (key: string) => ({ name: key })

function labels(cap: Cap, ...keys: string[]): unknown[] {
  const find = atOnce(cap.labels(new Set(keys), labelsOf, OTHER))
  return keys.map(key => find(key).name)
}

test('the first names have series of their own, further ones share, and it is said how many', () => {
  const cap = new Cap(2)
  assert.deepEqual(labels(cap, 'a', 'b', 'c', 'd'), ['a', 'b', 'other', 'other'])
  assert.equal(cap.merged, 2)
})

test('a name keeps what it has, own or shared, whoever comes and goes', () => {
  const cap = new Cap(2)
  labels(cap, 'a', 'b', 'c')
  assert.deepEqual(labels(cap, 'c', 'b', 'a'), ['other', 'b', 'a'])
  assert.deepEqual(labels(cap, 'b', 'c', 'd'), ['b', 'other', 'd'])
  assert.deepEqual(labels(cap, 'b', 'd'), ['b', 'd'])
  assert.equal(cap.merged, 0)
})

test('labels are made once: what is shown never changes its name', () => {
  const cap = new Cap(1)
  const first = atOnce(cap.labels(new Set(['a']), labelsOf, OTHER))('a')
  assert.equal(atOnce(cap.labels(new Set(['a']), () => ({ name: 'new' }), OTHER))('a'), first)
})
