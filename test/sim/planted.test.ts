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
import { FOUND_AT } from './planted-at.ts'

const PROGRAM = fileURLToPath(new URL('plant.ts', import.meta.url))

test('each planted bug has one place to be planted in', () => {
  const source = (file: string) => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
  const moved = PLANTED.filter(({ file, was }) => source(file).split(was).length !== 2)
  assert.deepEqual(
    moved.map(({ name, file }) => `${file}: ${name}`),
    [],
  )
})

/** Whether one of `seeds` seeds, from this one on, shows the bug. */
async function isFound(number: number, seeds: number, from: number): Promise<boolean> {
  const words = [number, seeds, from].map(String)
  const options = ['--disable-warning=ExperimentalWarning', PROGRAM, ...words]
  const { stdout } = await promisify(execFile)(process.execPath, options)
  return stdout.startsWith('found ')
}

for (const [number, { name, seeds }] of PLANTED.entries())
  test(`found within ${seeds} seeds: ${name}`, { skip: fullOnly }, async () => {
    const known = FOUND_AT[name] ?? 0
    assert.ok(
      (known > 0 && known <= seeds && (await isFound(number, 1, known))) || (await isFound(number, seeds, 1)),
    )
  })
