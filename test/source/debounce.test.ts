import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Debounce } from '../../src/source/files/debounce.ts'

/** Node's mock timers leave the monotonic clock alone, so it is moved by hand. */
function scene(t: TestContext): { debounce: Debounce; advance: (ms: number) => void; calls: () => number } {
  let nowMs = 1_000
  let count = 0
  t.mock.timers.enable({ apis: ['setTimeout'] })
  t.mock.method(performance, 'now', () => nowMs)
  const advance = (ms: number) => {
    nowMs += ms
    t.mock.timers.tick(ms)
  }
  return { debounce: new Debounce(() => count++, 100, 1_000), advance, calls: () => count }
}

test('a burst becomes one call, 100 ms after its last event', t => {
  const { debounce, advance, calls } = scene(t)
  for (let i = 0; i < 5; i++) {
    debounce.touch()
    advance(50)
  }
  assert.equal(calls(), 0)
  advance(50)
  assert.equal(calls(), 1)
  advance(5_000)
  assert.equal(calls(), 1)
})

test('events without end cannot hold the call back for more than a second', t => {
  const { debounce, advance, calls } = scene(t)
  for (let i = 0; i < 100; i++) {
    debounce.touch()
    advance(30)
  }
  assert.equal(calls(), 2)
})

test('what was cancelled is not called', t => {
  const { debounce, advance, calls } = scene(t)
  debounce.touch()
  debounce.cancel()
  advance(5_000)
  assert.equal(calls(), 0)
})
