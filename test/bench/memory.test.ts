/** The bench `memory` in small: every part is measured, of weir and of the peers that are here. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONTENDERS } from '../../bench/engines/contenders.ts'
import { Bench } from '../../bench/harness.ts'
import { benchMemory } from '../../bench/memory.ts'
import { fullOnly } from '../support/full.ts'
import { skip } from '../support/uring.ts'

test('memory measures the gateway, a worker, a rule and an idle connection', {
  skip: skip || fullOnly,
}, async () => {
  const bench = new Bench({ name: 'memory', scale: 'small', onGroup: () => {} })
  await benchMemory(bench)
  const names = bench.results.map(({ name }) => name)
  for (const part of ['at rest, one worker, one rule, engine', 'each further worker, engine']) {
    for (const engine of ['uring', 'epoll', 'node']) assert.ok(names.includes(`${part} ${engine}`), part)
  }
  assert.ok(names.includes('each rule, from 10 to 200'))
  for (const { name, command, bulkOnly, missing } of CONTENDERS) {
    if (command && !bulkOnly && missing() === '') assert.ok(names.includes(name), name)
  }
  assert.ok(bench.results.every(({ rounds }) => rounds.length > 0 && rounds.every(Number.isFinite)))
  const atRest = bench.results.find(({ name }) => name.startsWith('at rest'))?.rounds ?? []
  assert.ok(
    atRest.every(bytes => bytes > 2 ** 20),
    'a process of less than a MiB was not read',
  )
})
