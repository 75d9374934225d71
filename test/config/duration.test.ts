import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from '../../src/config/settings/duration.ts'

test('durations are read as Go reads them', () => {
  const cases: readonly [text: string, ms: number | null][] = [
    ['0', 0],
    ['+0', 0],
    ['0s', 0],
    ['-0s', 0],
    ['1h', 3_600_000],
    ['1m30s', 90_000],
    ['300ms', 300],
    ['1.5s', 1500],
    ['.5s', 500],
    ['1.s', 1000],
    ['-1.5h', -5_400_000],
    ['+2m', 120_000],
    ['1us', 0.001],
    ['1µs', 0.001],
    ['1μs', 0.001],
    ['300000000ns', 300],
    ['1s1h', 3_601_000],
    ['0.1ms', 0.1],
    ['2562047h', 2562047 * 3_600_000],
    ['2562048h', null],
    ['', null],
    ['+', null],
    ['-', null],
    ['5', null],
    ['.s', null],
    ['1', null],
    ['1d', null],
    ['1 s', null],
    [' 1s', null],
    ['1s ', null],
    ['--1s', null],
    ['1e3s', null],
    ['1S', null],
    ['s', null],
    ['00', null],
  ]
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text)
})

test('a very long text is read once', () => {
  assert.equal(parseDuration('1'.repeat(1_000_000)), null)
})
