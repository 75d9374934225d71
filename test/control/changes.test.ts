import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changedResources } from '../../src/control/observe/changes.ts'

const resource = (title: string, digest: string) => ({ title, digest, file: 'a.yaml', line: 1 })

test('resources are compared by title and content, wherever they stand', () => {
  const before = [resource('Pod a', '1'), resource('Pod b', '1'), resource('Pod c', '1')]
  const after = [
    resource('Pod d', '1'),
    { ...resource('Pod c', '1'), file: 'b.yaml' },
    resource('Pod b', '2'),
  ]
  assert.deepEqual(changedResources(before, after), {
    added: ['Pod d'],
    changed: ['Pod b'],
    removed: ['Pod a'],
  })
})
