/**
 * Goal: no key is in what a crash prints. Method: a process of its own whose thread dies in a
 * handshake, with the keys in its hands.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { missing } from '../../src/kernel/libc.ts'

const CHILD = new URL('../support/crashing-tls.ts', import.meta.url).pathname

test('a crash tells no key', { skip: missing !== '' && missing }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', CHILD], {
    encoding: 'utf8',
  })
  assert.notEqual(status, 0)
  assert.match(stderr, /it dies/)
  const key = stdout.trim()
  assert.ok(key.length > 100)
  for (let from = 0; from + 12 <= key.length; from++) assert.ok(!stderr.includes(key.slice(from, from + 12)))
})
