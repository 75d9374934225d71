// Goal: what threads of weir say to each other by shared memory holds in every order of their
// steps, which no test on real threads can show. Method: models in Promela, each searched
// exhaustively by spin. Each has faults to be planted by name, which the search must find: a model
// that finds nothing proves nothing.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fullOnly } from '../support/full.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const MODELS = ['inboxes', 'publication', 'live-rows', 'series-rows']

const hasSpin = ['spin', 'gcc'].every(program => spawnSync(program, ['--version']).error === undefined)
const skip = fullOnly || (hasSpin ? false : 'needs spin and gcc')

const folder = mkdtempSync(join(tmpdir(), 'weir-models-'))
after(() => rmSync(folder, { recursive: true }))

for (const model of MODELS) {
  const file = join(HERE, `${model}.pml`)
  const faults = new Set(
    [...readFileSync(file, 'utf8').matchAll(/^#if(?:n?def) (\w+)/gm)].map(found => found[1]),
  )

  test(`${model}: no order of steps breaks it`, { skip }, () => {
    const { errors, states } = search(file, [])
    assert.equal(errors, 0)
    assert.ok(states > 100, `only ${states} states`)
  })

  for (const fault of faults)
    test(`${model}: ${fault} is found`, { skip }, () => {
      assert.ok(search(file, [`-D${fault}`]).errors > 0)
    })
}

/** All states that the model can come to, and how many of them break a promise. */
function search(file: string, options: readonly string[]): { errors: number; states: number } {
  const run = (program: string, args: readonly string[]): string =>
    execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  run('spin', ['-a', ...options, file])
  run('gcc', ['-O0', '-w', '-DSAFETY', '-o', 'pan', 'pan.c'])
  const said = run('./pan', ['-m100000'])
  const errors = Number(/errors: (\d+)/.exec(said)?.[1])
  assert.ok(errors > 0 || !/depth too small|not completed/.test(said), said)
  return {
    errors,
    states: Number(/(\d+) states, stored/.exec(said)?.[1]),
  }
}
