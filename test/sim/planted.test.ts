// Goal: the simulator is strong enough to find what it is there for. Method: a bug is planted in
// the source as it is loaded, by a process of its own for each, which runs seeds until one shows
// it. Each has its number of seeds. What a plant replaces stands in one place, or the source has
// moved away from under it.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { fullOnly } from '../support/full.ts'
import { PLANTED } from './planted.ts'

const PROGRAM = fileURLToPath(new URL('plant.ts', import.meta.url))

test('each planted bug has one place to be planted in', () => {
  const source = (file: string) => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
  const moved = PLANTED.filter(({ file, was }) => source(file).split(was).length !== 2)
  assert.deepEqual(
    moved.map(({ name, file }) => `${file}: ${name}`),
    [],
  )
})

for (const [number, { name, seeds }] of PLANTED.entries())
  test(`found within ${seeds} seeds: ${name}`, { skip: fullOnly }, async () => {
    const options = ['--disable-warning=ExperimentalWarning', PROGRAM, String(number), String(seeds)]
    const { stdout } = await promisify(execFile)(process.execPath, options)
    assert.match(stdout, /^found /)
  })
