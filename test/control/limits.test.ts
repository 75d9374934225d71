import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { DEFAULT_SETTINGS } from '../../src/config/settings.ts'
import { connectionsFor, workersFor } from '../../src/control/limits.ts'

test('no number of workers means one for each CPU', () => {
  assert.equal(workersFor(DEFAULT_SETTINGS), availableParallelism())
  assert.equal(workersFor({ ...DEFAULT_SETTINGS, workers: 3 }), 3)
})

test('no limit of connections means two descriptors for each, and some for the rest', () => {
  assert.equal(connectionsFor(DEFAULT_SETTINGS, 10_256), 5_000)
  assert.equal(connectionsFor(DEFAULT_SETTINGS, 64), 1)
  assert.equal(connectionsFor({ ...DEFAULT_SETTINGS, maxConnections: 9 }, 10_256), 9)
})
