import assert from 'node:assert/strict'
import { test } from 'node:test'
import { doubtsOf } from '../../src/control/guard/doubts.ts'

const reading = (text: string, titles: readonly string[] = []) => ({
  files: [{ file: 'a.yaml', bytes: new TextEncoder().encode(text) }],
  resources: titles.map(title => ({ title, file: 'a.yaml', line: 1, digest: title })),
})

test('a text that is the beginning of what it was may be half-written, and so may one that ends within a line', () => {
  const whole = reading('one\ntwo\nthree\n')
  assert.deepEqual(doubtsOf(whole, reading('one\ntwo\n'), null), ['a.yaml is the beginning of what it was'])
  assert.deepEqual(doubtsOf(whole, reading(''), null), ['a.yaml is the beginning of what it was'])
  assert.deepEqual(doubtsOf(whole, reading('one\nother\nth'), null), ['a.yaml ends in the middle of a line'])
})

test('one that is longer, another, the same, or had no last line before is not doubted', () => {
  const whole = reading('one\ntwo\n')
  for (const text of ['one\ntwo\n', 'one\ntwo\nthree\n', 'one\nother\n'])
    assert.deepEqual(doubtsOf(whole, reading(text), null), [])
  assert.deepEqual(doubtsOf(reading('one\ntwo'), reading('one\nother'), null), [])
  assert.deepEqual(doubtsOf({ ...whole, files: [] }, reading('one'), null), [])
})

test('a resource that vanishes is named, wherever it was', () => {
  const doubts = doubtsOf(
    reading('a: 1\n', ['Service a', 'Service b']),
    reading('b: 1\n', ['Service b']),
    null,
  )
  assert.deepEqual(doubts, ['Service a is not in a.yaml any more'])
})
