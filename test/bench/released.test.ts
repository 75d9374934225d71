/** A bench that fails leaves nothing that keeps its process alive: no process, server or timer. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BENCHES } from '../../bench/benches.ts'
import { Bench } from '../../bench/harness.ts'
import { runInside } from '../../bench/inside.ts'
import { follow } from '../../bench/kubernetes/following.ts'
import { temporaryFolder } from '../../bench/load/scene.ts'
import { fullOnly } from '../support/full.ts'

/** Fails at its first figure, so what it measures is running. */
class Failing extends Bench {
  override record(): never {
    throw new Error('it fails here')
  }
}

/** Runs `work`, which may reject; what keeps the process alive afterwards, and did not before. */
async function leftBy(work: () => unknown): Promise<{ error: unknown; left: string[] }> {
  const before = process.getActiveResourcesInfo()
  let error: unknown = null
  try {
    await work()
  } catch (thrown) {
    error = thrown
  }
  const more = (): string[] => {
    const left = process.getActiveResourcesInfo()
    for (const each of before) if (left.includes(each)) left.splice(left.indexOf(each), 1)
    return left
  }
  // Handles close later; a timer of a second is not over by then.
  for (let turn = 0; turn < 1_000 && more().length > 0; turn++)
    await new Promise(resolve => setImmediate(resolve))
  return { error, left: more() }
}

const fails = (): never => {
  throw new Error('it fails here')
}

for (const { name, run } of BENCHES)
  test(`${name} that fails leaves nothing behind`, { skip: fullOnly }, async () => {
    const onGroup = name === 'faults' ? fails : () => {} // its figures come last, after 40 s
    const { left } = await leftBy(() => run(new Failing({ name, scale: 'small', onGroup })))
    assert.deepEqual(left, [])
  })

test('an API server ends with a gateway that does not start', async () => {
  using folder = temporaryFolder()
  const { error, left } = await leftBy(() =>
    follow(folder.path, () => {
      throw new Error('no objects')
    }),
  )
  assert.match(String(error), /no objects/)
  assert.deepEqual(left, [])
})

test('a program in namespaces of its own ends with whoever reads what it prints', async t => {
  if (process.getuid?.() !== 0) return t.skip('needs root')
  const program = 'console.log(1); setInterval(() => {}, 1000)'
  const { error, left } = await leftBy(() =>
    runInside(['--net', process.execPath, '-e', program], () => {
      throw new Error('not what was expected')
    }),
  )
  assert.match(String(error), /not what was expected/)
  assert.deepEqual(left, [])
})
