import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseEngine } from '../../src/control/workers/choose-engine.ts'

const works = () => ({ ok: true, reason: '' })
const forbidden = (reason: string) => () => ({ ok: false, reason })
const never = () => assert.fail('is not tried')

test('io_uring is chosen where it works, then epoll, unless another is asked for', () => {
  const all = { uring: works, epoll: works }
  assert.deepEqual(chooseEngine('auto', all), { engine: 'uring', why: 'io_uring works here' })
  for (const wanted of ['uring', 'epoll', 'node'] as const)
    assert.deepEqual(chooseEngine(wanted, all), { engine: wanted, why: 'as asked' })
  assert.equal(chooseEngine('node', { uring: never, epoll: never }).engine, 'node')
  assert.equal(chooseEngine('epoll', { uring: never, epoll: works }).engine, 'epoll')
})

test('where io_uring is forbidden epoll serves, and the line says what would enable it', () => {
  const probes = { uring: forbidden('a seccomp profile allows it'), epoll: works }
  for (const wanted of ['auto', 'uring'] as const) {
    const choice = chooseEngine(wanted, probes)
    assert.deepEqual(choice, { engine: 'epoll', why: 'no io_uring: a seccomp profile allows it' })
  }
})

test('where neither works node serves, and the line says why of each, once', () => {
  const ffi = { uring: forbidden('no node:ffi'), epoll: forbidden('no node:ffi') }
  assert.deepEqual(chooseEngine('auto', ffi), {
    engine: 'node',
    why: 'no io_uring and no epoll: no node:ffi',
  })
  const each = { uring: forbidden('a profile'), epoll: forbidden('a limit') }
  assert.equal(chooseEngine('auto', each).why, 'no io_uring: a profile; no epoll: a limit')
  assert.deepEqual(chooseEngine('epoll', each), { engine: 'node', why: 'no epoll: a limit' })
})
