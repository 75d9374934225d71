// Goal: the simulator is strong enough to find what it is there for. Method: a bug is planted in
// the source as it is loaded, by a process of its own for each, which runs seeds until one shows
// it. Each has its number of seeds.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { fullOnly } from '../support/full.ts'
import { PLANTED } from './planted.ts'

const PROGRAM = fileURLToPath(new URL('plant.ts', import.meta.url))

for (const [number, { name, seeds }] of PLANTED.entries())
  test(`found within ${seeds} seeds: ${name}`, { skip: fullOnly }, async () => {
    const options = ['--disable-warning=ExperimentalWarning', PROGRAM, String(number), String(seeds)]
    const { stdout } = await promisify(execFile)(process.execPath, options)
    assert.match(stdout, /^found /)
  })
