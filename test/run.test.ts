/** `npm test` itself: a file that hangs is ended and said to hang, and what --rest leaves out. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { folder } from './control/scene.ts'
import { asksForEnginesOnly, asksForSize } from './support/rest.ts'

const RUN = fileURLToPath(new URL('./run.ts', import.meta.url))
const SILENCE_MS = 1_500

/** Blocks the main thread, so that no timer of its own fires. */
const BLOCKS = `import { test } from 'node:test'
test('it is fine', () => {})
test('it blocks', () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))
`

test('a file that hangs is ended, with its name and what its threads do', { skip: onlyLinux() }, t => {
  const root = join(RUN, '../..')
  const file = relative(root, join(folder(t, { 'blocks.test.mjs': BLOCKS }), 'blocks.test.mjs')) // as npm test names them
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', RUN, file],
    { encoding: 'utf8', env: { ...env, WEIR_TEST_SILENCE_MS: String(SILENCE_MS) } },
  )
  assert.equal(status, 1, stdout)
  assert.match(stderr, /blocks\.test\.mjs hangs: nothing for 1\.5 s\. Its threads:\n {2}node-MainThread: /)
  assert.match(stdout, /fail 1/)
})

test('the rest of test:full are the files that ask for their size, by themselves or by what they import', () => {
  assert.ok(asksForSize('test/table/match.test.ts')) // runs()
  assert.ok(asksForSize('test/engine/relay.test.ts')) // sized(), and on which engines
  assert.ok(asksForSize('test/engine/dial.test.ts')) // on which engines
  assert.ok(!asksForSize('test/engine/attempts.test.ts')) // it takes a cluster from engine.ts
  assert.ok(!asksForSize('test/cli/run.test.ts'))
})

test('of a file that only asks for engines, the rest leaves out the engine that npm test has tried', () => {
  assert.ok(asksForEnginesOnly('test/engine/dial.test.ts'))
  assert.ok(!asksForEnginesOnly('test/engine/relay.test.ts')) // sized()
  assert.ok(!asksForEnginesOnly('test/engine/tls-programs.test.ts')) // programs.ts asks
  assert.ok(!asksForEnginesOnly('test/admin/ended.test.ts')) // fullOnly
})

test('nothing else asks for it', () => {
  const asking = globSync('{test,bench,src}/**/*.{ts,mjs,js}', { cwd: join(RUN, '../..') }).filter(file =>
    /env\.WEIR_TEST_FULL|\bWEIR_TEST_FULL\b.* = process\.env/.test(
      readFileSync(join(RUN, '../..', file), 'utf8'),
    ),
  )
  assert.deepEqual(asking, ['test/support/full.ts'])
})

function onlyLinux(): string | false {
  return process.platform === 'linux' ? false : 'needs /proc (Linux)'
}
