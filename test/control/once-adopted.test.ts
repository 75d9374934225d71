/** Work that has to wait until no worker decides by an older table. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OnceAdopted } from '../../src/control/workers/once-adopted.ts'
import type { WorkerStatus } from '../../src/control/workers/worker-record.ts'

const partsOf = (generation: number, clientsRevision = 0) => ({
  generation,
  clientsRevision,
  endpointsRevision: 0,
})

function scene(...generations: number[]) {
  const workers = generations.map(
    (generation, worker): WorkerStatus => ({
      worker,
      state: 'accepting',
      adopted: partsOf(generation),
      generation,
      failures: [],
    }),
  )
  const ran: string[] = []
  const once = new OnceAdopted(() => workers)
  const set = (worker: number, more: Partial<WorkerStatus>): void => {
    workers[worker] = { ...workers[worker], ...more }
    once.look()
  }
  /** Nothing is left of listeners of an older table. */
  const adopt = (worker: number, adopted: WorkerStatus['adopted']): void =>
    set(worker, { adopted, generation: adopted.generation })
  return {
    ran,
    set,
    adopt,
    wait: (name: string, parts = partsOf(2), what = name) => once.wait(name, parts, () => ran.push(what)),
  }
}

test('it runs once, when the last worker has the table or a newer one', () => {
  const { ran, adopt, wait } = scene(1, 1, 2)
  wait('revoke')
  adopt(0, partsOf(3))
  assert.deepEqual(ran, [])
  adopt(1, partsOf(2))
  assert.deepEqual(ran, ['revoke'])
  adopt(1, partsOf(3))
  assert.deepEqual(ran, ['revoke'])
  wait('revoke')
  assert.deepEqual(ran, ['revoke', 'revoke'])
})

test('a worker that has ended is not waited for, and a revision is', () => {
  const { ran, set, adopt, wait } = scene(1, 2)
  wait('revoke', partsOf(2, 1))
  set(0, { state: 'ended' })
  assert.deepEqual(ran, [])
  adopt(1, partsOf(2, 1))
  assert.deepEqual(ran, ['revoke'])
})

test('later work of a name replaces what waits, other work does not', () => {
  const { ran, adopt, wait } = scene(1)
  wait('revoke', partsOf(2), 'first')
  wait('remove', partsOf(2))
  wait('revoke', partsOf(3), 'second')
  adopt(0, partsOf(2))
  assert.deepEqual(ran, ['remove'])
  adopt(0, partsOf(3))
  assert.deepEqual(ran, ['remove', 'second'])
})

test('a worker that has the table waits for the queues of listeners that it closes', () => {
  const { ran, set, wait } = scene(1)
  wait('revoke')
  set(0, { adopted: partsOf(2) })
  assert.deepEqual(ran, [])
  set(0, { generation: 2 })
  assert.deepEqual(ran, ['revoke'])
})
