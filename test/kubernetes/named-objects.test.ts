/** Secrets that rules name, each asked for by itself: one that fails holds up no other. */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { suite, test } from 'node:test'
import { absentAfter } from '../../src/source/kubernetes/pace.ts'
import type { KubeObject } from './fake/object.ts'
import type { Followed } from './followed.ts'
import { route, Scene } from './scene.ts'

/** Its server asks for this Secret. */
const asking = (namespace: string, credentialName: string): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name: 'edge', namespace },
  spec: { servers: [{ tls: { mode: 'SIMPLE', credentialName } }] },
})

const secret = (namespace: string, name = 'cert'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace },
  data: {},
})

/** None is watched. */
const POLLED = { pace: { watchedMax: 0, pollMs: 5 } }

const has = ({ source }: Followed, id: string): boolean =>
  [...source.all()].some(([key]) => key === ` Secret ${id}`)

suite('objects that rules name', { concurrency: 4 }, () => {
  test('names that no Secret can have are not asked for, and stop nothing', async t => {
    const names = [
      'a,b',
      'A',
      'kubernetes-gateway://ü/cert',
      'kubernetes-gateway://a%2fb/cert',
      `${'x'.repeat(254)}`,
    ]
    const objects = names.map((name, index) => asking(`n${index}`, name))
    const scene = await Scene.of(t, {}, [route('a'), ...objects, asking('shop', 'cert'), secret('shop')])
    const followed = await scene.follow()
    scene.change()
    await followed.equals()
    const asked = scene.api.requests.filter(each => each.plural === 'secrets')
    deepEqual(
      new Set(asked.map(each => `${each.namespace} ${each.query.get('fieldSelector')}`)),
      new Set(['shop metadata.name=cert', 'shop metadata.name=cert-cacert']),
    )
    ok(has(followed, 'shop/cert'))
  })

  test('a Secret that the server refuses to be asked for holds up no start', async t => {
    const scene = await Scene.of(t, {}, [route('a'), asking('shop', 'cert')])
    scene.api.inject({ resource: 'secrets' }, { code: 400 }, Number.POSITIVE_INFINITY)
    const followed = await scene.follow()
    const troubles = followed.source.states.filter(each => each.kind === 'Secret').map(each => each.trouble)
    ok(troubles.every(each => each.startsWith('400')))
    scene.change()
    await followed.equals()
  })

  for (const watchedMax of [1e9, 0])
    test(`Secrets that all fail are given up in time, whenever they are asked for again (${watchedMax} watched)`, async t => {
      const names = ['one', 'two', 'three']
      const scene = await Scene.of(
        t,
        {},
        names.map(each => asking(each, 'cert')),
      )
      const failing = scene.api.inject({ resource: 'secrets' }, { code: 500 }, Number.POSITIVE_INFINITY)
      const pace = { watchedMax, pollMs: 5, holdMs: 400, leastMs: 60_000, mostMs: 60_000 }
      const followed = scene.follower({ pace })
      await followed.begin()
      ok(followed.source.isSynced)
      const asked = watchedMax === 0 ? 2 : 2 * names.length
      while (failing.met < asked) await scene.api.nextRequest
      equal(failing.met, asked)
    })

  for (const code of [400, 500])
    test(`polled, the first one always answered by ${code}: the others are read and followed`, async t => {
      const scene = await Scene.of(t, {}, [asking('one', 'cert'), asking('two', 'cert'), secret('two')])
      const failing = scene.api.inject(
        { resource: 'secrets', path: /\/namespaces\/one\// },
        { code },
        Number.POSITIVE_INFINITY,
      )
      const followed = scene.follower(POLLED)
      const begun = followed.begin()
      await followed.until(() => has(followed, 'two/cert') && failing.met > 4)
      scene.api.remove(secret('two'))
      await followed.until(() => !has(followed, 'two/cert'))
      if (code === 500) {
        equal(followed.source.isSynced, false)
        failing.remove()
      }
      await begun
      ok(followed.source.isSynced)
    })

  test('polled, a trouble that is over is gone, though another one stays', async t => {
    const scene = await Scene.of(t, {}, [asking('one', 'cert'), asking('two', 'cert')])
    const fail = (namespace: string, code: number) =>
      scene.api.inject(
        { resource: 'secrets', path: new RegExp(`/namespaces/${namespace}/`) },
        { code },
        Number.POSITIVE_INFINITY,
      )
    const first = fail('one', 500)
    fail('two', 403)
    const followed = scene.follower(POLLED)
    const begun = followed.begin()
    const troubles = () =>
      followed.source.states
        .flatMap(each => [each.trouble, ...(each.failing ?? []).map(each => each.title)])
        .filter(each => each.startsWith('Secret '))
    const forbidden = ['Secret two/cert', 'Secret two/cert-cacert']
    await followed.until(() => String(troubles().slice(1)) === String([...forbidden, 'Secret (polled)']))
    ok(troubles()[0].startsWith('Secret one/cert: 500'), troubles()[0])
    first.remove()
    await begun
    await followed.until(() => String(troubles().slice(1)) === String(forbidden))
    ok(troubles()[0].startsWith('Secret two/cert: 403'), troubles()[0])
  })

  test('polled, what is not there is asked for as seldom as the rest in the end', () => {
    const waits = [5_000]
    while (waits.at(-1) !== waits.at(-2)) waits.push(absentAfter(waits[waits.length - 1], 150_000))
    deepEqual(waits, [5_000, 10_000, 20_000, 40_000, 80_000, 150_000, 150_000])
  })
})
