/** What the store of a cluster's objects keeps, however often they change. */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { type Kept, readObject } from '../../src/source/kubernetes/objects.ts'
import type { PodUse } from '../../src/source/kubernetes/pod-changes.ts'
import { ObjectStore } from '../../src/source/kubernetes/store.ts'
import { sized } from '../support/full.ts'

function podOf(name: string, status: object, more: object = {}, spec: object = {}): Kept {
  const metadata = { name, namespace: 'shop', labels: { app: name }, resourceVersion: '1', ...more }
  const kept = readObject({ metadata, spec, status }, 'Pod', 'v1')
  ok(kept)
  return kept
}

const CHANGES = sized(20_000, 1_000_000)
const SERVICES = 100

function sliceOf(service: number, version: number, name = 'a'): Kept {
  const kept = readObject(
    {
      metadata: {
        name: `s${service}-${name}`,
        namespace: 'shop',
        resourceVersion: String(version),
        labels: { 'kubernetes.io/service-name': `s${service}` },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [`10.0.${service}.${version % 256}`] }],
    },
    'EndpointSlice',
    'discovery.k8s.io/v1',
  )
  ok(kept)
  return kept
}

test('a million changes of endpoints, with new names each, leave no more than there is', () => {
  const store = new ObjectStore()
  const there = Array.from({ length: SERVICES }, (_, index) => sliceOf(index, 0))
  for (const each of there) store.take(each, null)
  equal(store.update().changed.length, SERVICES)
  for (let change = 1; change <= CHANGES; change++) {
    const index = change % SERVICES
    const next = sliceOf(index, change, `x${change}`)
    store.take(next, null)
    store.take(null, there[index])
    there[index] = next
  }
  // More was owed than there is, so everything is handed over instead.
  const { from, to, changed, removed } = store.update()
  deepEqual([from, changed.length, removed.length], [0, SERVICES, 0])
  equal(to, SERVICES + 2 * CHANGES)
  deepEqual([store.endpoints.changedSince(to), store.endpoints.changedSince(0)], [[], []])
})

test('Services that come and go are forgotten once they are compiled', () => {
  const store = new ObjectStore()
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < SERVICES; index++) {
      const slice = sliceOf(round * SERVICES + index, index)
      store.take(slice, null)
      store.take(null, slice)
    }
    const { to, changed } = store.update()
    equal(changed.length, 0)
    const late = sliceOf(7, round)
    store.take(late, null)
    deepEqual(store.endpoints.changedSince(to), ['shop/s7'])
    deepEqual(store.endpoints.changedSince(0), ['shop/s7'])
    store.take(null, late)
  }
})

test('of what a Pod says in its life only what something depends on counts', () => {
  const conditions = (status: string) => ({ conditions: [{ type: 'Ready', status }] })
  const running = { phase: 'Running', podIP: '10.0.0.1', ...conditions('False') }
  const ready = { ...running, ...conditions('True') }
  const ending = { deletionTimestamp: '2026-01-01T00:00:00Z' }
  const life: readonly (readonly [what: string, after: Kept | null])[] = [
    ['created', podOf('a', { phase: 'Pending' })],
    ['scheduled', podOf('a', { phase: 'Pending' }, {}, { nodeName: 'one' })],
    ['has an address', podOf('a', running, {}, { nodeName: 'one' })],
    ['is ready', podOf('a', ready, {}, { nodeName: 'one' })],
    ['restarts', podOf('a', { ...ready, containerStatuses: [{ restartCount: 1 }] }, {}, { nodeName: 'one' })],
    ['annotated', podOf('a', ready, { annotations: { 'example.com/a': '1' } }, { nodeName: 'one' })],
    ['labelled', podOf('a', ready, { labels: { app: 'b' } }, { nodeName: 'one' })],
    ['ends', podOf('a', ready, { ...ending, labels: { app: 'b' } }, { nodeName: 'one' })],
    ['is not ready', podOf('a', running, { ...ending, labels: { app: 'b' } }, { nodeName: 'one' })],
    ['has ended', podOf('a', { ...ready, phase: 'Succeeded' }, ending, { nodeName: 'one' })],
    ['is gone', null],
  ]
  const counted = (use: PodUse): string[] => {
    const store = new ObjectStore()
    store.podUse = use
    let before: Kept | null = null
    return life.flatMap(([what, after]) => {
      const counts = store.take(after, before)
      before = after
      return counts ? what : []
    })
  }
  const identity = ['has an address', 'labelled', 'has ended']
  deepEqual(counted({ selected: false, shared: false, locality: false }), identity)
  // Where a selector chooses endpoints among Pods.
  deepEqual(counted({ selected: true, shared: false, locality: false }), [
    'has an address',
    'is ready',
    'labelled',
    'ends',
    'is not ready',
    'has ended',
  ])
})

test('a Pod that ends counts where another one has its address', () => {
  const store = new ObjectStore()
  store.podUse = { selected: false, shared: false, locality: false }
  const old = podOf('old', { phase: 'Running', podIP: '10.0.0.1' })
  store.take(old, null)
  const ending = podOf(
    'old',
    { phase: 'Running', podIP: '10.0.0.1' },
    { deletionTimestamp: '2026-01-01T00:00:00Z' },
  )
  equal(store.take(ending, old), false)
  store.podUse = { ...store.podUse, shared: true }
  equal(store.take(ending, old), true, 'a file may say that something has it')
  store.podUse = { ...store.podUse, shared: false }
  store.take(old, ending)
  store.take(podOf('new', { phase: 'Running', podIP: '10.0.0.1' }), null)
  equal(store.take(ending, old), true)
})

test('what counts for nothing yet is handed over with what does', () => {
  const store = new ObjectStore()
  store.podUse = { selected: false, shared: false, locality: false }
  const pending = podOf('a', { phase: 'Pending' })
  store.update()
  store.take(podOf('b', {}), null)
  store.update()
  equal(store.take(pending, null), false)
  deepEqual(
    store.update().changed.map(each => each.metadata.name),
    ['a'],
  )
})
