/** How often Pods alone cause a compilation. */

import { equal } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { PodPace } from '../../src/source/kubernetes/pod-pace.ts'
import { istio, pod } from '../kubernetes/resources.ts'
import { Scene } from '../kubernetes/scene.ts'

/** A pace on a clock of the test's own; `after` says how often it has called by then. */
function paceOf(t: TestContext) {
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
  return { pace, after }
}

test('the first change of a Pod waits for nothing, later ones for three times what that took', t => {
  const { pace, after } = paceOf(t)
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

test('Pods that change during a compilation wait for its end, and as long as after any', t => {
  const { pace, after } = paceOf(t)
  pace.touch()
  equal(after(1), 1)
  pace.begin()
  pace.touch()
  equal(after(400), 1)
  pace.end()
  equal(after(1_100), 1)
  equal(after(100), 2)
})

test('a pause that another compilation cuts short begins anew after that one', t => {
  const { pace, after } = paceOf(t)
  pace.begin()
  after(1_000)
  pace.end()
  pace.touch()
  equal(after(2_900), 0)
  pace.begin() // for a rule
  equal(after(1_000), 0)
  pace.end()
  equal(after(2_900), 0)
  equal(after(100), 1)
  equal(after(9_000), 1)
})

test('a Pod that a selector may have chosen waits for no pause: it may be an endpoint that ends', async t => {
  const selecting = istio('ServiceEntry', 'a', {
    hosts: ['a.example'],
    ports: [{ number: 1, name: 'tcp', protocol: 'TCP' }],
    resolution: 'STATIC',
    workloadSelector: { labels: { app: 'a' } },
  })
  const scene = await Scene.of(t, {}, [selecting, pod('one', { app: 'a' })])
  const followed = await scene.follow()
  scene.change()
  await followed.equals() // nothing of the start is owed any more
  followed.source.current() // a compilation begins that takes for ever
  scene.api.remove(pod('one', { app: 'a' }))
  await followed.equals()
})
