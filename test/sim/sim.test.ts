// Goal: no schedule of kernel, network and operator breaks what weir promises. Method: the engine's
// own code under a simulated kernel (docs/simulator.md), many seeds of it; each failure says its
// seed, which replays it. Each mark of a rare branch has to be reached.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fullOnly, sized } from '../support/full.ts'

import { markNames, marks } from './marks.ts'

const { run } = await import('./run.ts')

/** Where CI's seeds begin; any number does. */
const FIRST = 1
const SEEDS = sized(100, 1000)

test(`${SEEDS} seeds break nothing`, () => {
  const bugs: string[] = []
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const { bug } = run(BigInt(seed))
    if (bug !== '') bugs.push(`npm run sim -- --seed ${seed}: ${bug.split('\n')[0]}`)
  }
  assert.deepEqual(bugs, [])
})

test('every mark in the source was reached', { skip: fullOnly }, () => {
  assert.deepEqual(
    markNames().filter(name => !marks.has(name)),
    [],
  )
})

test('two runs of a seed are the same', () => {
  const count = sized(10, 100)
  const hashes = () => Array.from({ length: count }, (_, seed) => run(BigInt(seed + 50_000)).hash)
  const first = hashes()
  assert.deepEqual(hashes(), first)
  assert.ok(new Set(first).size > count * 0.9)
})
