import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseEngine } from '../../src/control/workers/choose-engine.ts'

const works = () => ({ ok: true, reason: '', features: [] })
const forbidden = () => ({ ok: false, reason: 'a seccomp profile forbids it', features: [] })

test('io_uring is chosen where it works, unless node is asked for', () => {
  assert.equal(chooseEngine('auto', works).engine, 'uring')
  assert.equal(chooseEngine('uring', works).engine, 'uring')
  assert.equal(chooseEngine('node', works).engine, 'node')
})

test('where io_uring is forbidden the node engine serves, and the line says what would enable it', () => {
  for (const wanted of ['auto', 'uring'] as const) {
    const { engine, why } = chooseEngine(wanted, forbidden)
    assert.equal(engine, 'node')
    assert.match(why, /a seccomp profile forbids it/)
  }
})
