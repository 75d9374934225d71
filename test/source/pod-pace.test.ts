/** How often Pods alone cause a compilation. */

import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { PodPace } from '../../src/source/kubernetes/pod-pace.ts'

test('the first change of a Pod waits for nothing, later ones for three times what that took', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let nowMs = 1_000
  let calls = 0
  const pace = new PodPace(
    () => calls++,
    () => nowMs,
  )
  const after = (ms: number): number => {
    nowMs += ms
    t.mock.timers.tick(ms)
    return calls
  }
  pace.touch()
  equal(after(1), 1)
  pace.begin()
  after(400)
  pace.end()
  pace.touch()
  equal(after(1_100), 1)
  pace.touch()
  equal(after(100), 2, 'both at once')
  pace.begin()
  after(60_000)
  pace.end()
  equal(pace.waitMs, 5_000)
  pace.touch()
  pace.cancel()
  equal(after(5_000), 2)
  equal(pace.waitMs, 0)
})
