/**
 * What an API server can do wrong to a client that follows it. After each fault the table is what
 * the API has, nothing was taken away meanwhile, and the server was not asked in a loop.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { bearerOfFile } from '../../src/source/kubernetes/bearer.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import { ApiError } from './fake/errors.ts'
import type { Fault } from './fake/faults.ts'
import type { KubeObject } from './fake/object.ts'
import { type Followed, QUICK } from './followed.ts'
import { route, Scene, service } from './scene.ts'

const CRDS = [...ISTIO_CRDS, ...GATEWAY_API_CRDS]
/** A watch counts as dead soon; on a busy machine, some that are not. */
const IMPATIENT = { pace: { idleMs: 300 } }

const ROUTES = { resource: 'virtualservices' }

/** What was served is never less than `least` objects: nothing was emptied for a moment. */
const keeps = ({ sizes }: Followed, least = 8): void => ok(Math.min(...sizes) >= least, `${sizes}`)

// Each has an API server of its own, and mostly waits.
suite('what an API server can do wrong', { concurrency: 6 }, () => {
  test('what is there, and changes, as watches bring them', async t => {
    const scene = await Scene.of(t)
    const followed = await scene.follow()
    for (let step = 0; step < 3; step++) {
      scene.change()
      await followed.equals()
    }
    equal(scene.api.count('list'), 0)
    equal(scene.api.count('watch', 'virtualservices'), 1)
  })

  test('an older server: pages, then a watch', async t => {
    const scene = await Scene.of(t, { hasWatchList: false })
    const followed = await scene.follow()
    equal(scene.api.count('list', 'virtualservices'), 3)
    scene.change()
    await followed.equals()
    const [refused] = scene.asked
    deepEqual([refused.verb, refused.code], ['watch', 422])
  })

  test('a page that continues with itself is no list without end', async t => {
    const scene = await Scene.of(t, { hasWatchList: false })
    const body = '{"metadata":{"resourceVersion":"7","continue":"here"},"items":[]}'
    const circle = scene.api.inject({ ...ROUTES, verb: 'list' }, { body }, 1_000)
    const followed = scene.follower()
    const begun = followed.begin()
    await followed.until(() =>
      followed.source.states.some(({ trouble }) => trouble === 'a page of the list continues with itself'),
    )
    circle.remove()
    await begun
    await followed.equals()
  })

  const STREAMS: Readonly<Record<string, Fault>> = {
    'cut in the middle of its first line': { stream: { cutAfter: 0 } },
    'cut in the middle of a later line': { stream: { cutAfter: 1 } },
    'silent from the beginning': { stream: { silentAfter: 0 } },
    'silent after a line': { stream: { silentAfter: 1 } },
    'ended by 410': { stream: { error: new ApiError(410, 'Expired', 'too old resource version') } },
    'refused by 410': { code: 410, reason: 'Expired' },
    'refused by 500': { code: 500 },
    'ended by 500': { stream: { error: new ApiError(500, 'InternalError', 'etcd is away') } },
    'reset before an answer': { reset: true },
    'answered by something else': { body: '<html>a proxy of yours</html>\n' },
  }

  for (const [title, fault] of Object.entries(STREAMS))
    test(`a watch, three times ${title}`, async t => {
      const scene = await Scene.of(t)
      const isSilent = title.startsWith('silent')
      const followed = await scene.follow(isSilent ? IMPATIENT : {})
      const before = scene.asked.length
      const injected = scene.api.inject({ ...ROUTES, verb: 'watch' }, fault, 3)
      for (const each of scene.api.watchesOf('virtualservices')) each.cut()
      while (injected.met < 3) {
        scene.change()
        await followed.equals()
      }
      scene.change()
      await followed.equals()
      keeps(followed)
      // Three that failed, three after them, and lists in pages in between.
      const requests = scene.asked.length - before
      ok(isSilent || requests <= 12, `${requests} requests`)
    })

  test('each event twice', async t => {
    const scene = await Scene.of(t)
    const followed = await scene.follow()
    scene.api.inject({ verb: 'watch' }, { stream: { twice: true } }, Number.POSITIVE_INFINITY)
    for (let step = 0; step < 3; step++) {
      scene.cutAll()
      scene.change()
      await followed.equals()
    }
    keeps(followed)
  })

  test('a history that is gone while nobody listened: what went meanwhile goes', async t => {
    const scene = await Scene.of(t)
    const followed = await scene.follow()
    await scene.api.stop()
    scene.change()
    scene.api.remove(route('a'))
    scene.api.remove(service('mongo'))
    scene.api.compact()
    await scene.api.listen()
    await followed.equals()
    ok(![...followed.table.keys()].some(key => key.endsWith('/a') || key.includes('mongo')))
    keeps(followed, 7)
  })

  const LISTS: Readonly<Record<string, readonly [Fault, continues?: boolean]>> = {
    'cut in half': [{ half: true }],
    'cut in half, on a later page': [{ half: true }, true],
    'whose next page is gone': [{ code: 410, reason: 'Expired' }, true],
    'refused by 500': [{ code: 500 }],
    'reset on a later page': [{ reset: true }, true],
    'that is no JSON': [{ body: '{"kind":"VirtualServiceList","items":[' }],
    'that is another object': [{ body: '{"kind":"Status","status":"Success"}' }],
    'without items': [{ body: '{"kind":"VirtualServiceList","metadata":{"resourceVersion":"5"},"items":7}' }],
  }

  for (const [title, [fault, continues = false]] of Object.entries(LISTS))
    test(`a list, first and later, ${title}`, async t => {
      const scene = await Scene.of(t, { hasWatchList: false })
      const when = { ...ROUTES, verb: 'list', continues } as const
      const first = scene.api.inject(when, fault)
      const followed = await scene.follow()
      equal(first.met, 1)
      const second = scene.api.inject(when, fault)
      scene.change()
      scene.api.compact()
      await followed.equals() // the watch goes on meanwhile
      await scene.api.stop()
      scene.change()
      scene.api.compact()
      await scene.api.listen()
      await followed.equals()
      equal(second.met, 1)
      keeps(followed)
    })

  test('an empty list that failed is no empty configuration: it is asked for again', async t => {
    const scene = await Scene.of(t, { hasWatchList: false })
    const empty = '{"kind":"VirtualServiceList","apiVersion":"networking.istio.io/v1","items":[]}'
    scene.api.inject({ ...ROUTES, verb: 'list' }, { body: empty })
    keeps(await scene.follow())
  })

  test('a list that takes its time: nothing is told before all of it is there', async t => {
    const scene = await Scene.of(t)
    const { promise, resolve } = Promise.withResolvers<void>()
    const slow = scene.api.inject({ ...ROUTES, verb: 'watch' }, { until: promise })
    const followed = scene.follower()
    const begun = followed.begin()
    await followed.until(
      () => slow.met > 0 && followed.source.states.filter(each => !each.isSynced).length === 1,
    )
    deepEqual(followed.sizes, [])
    resolve()
    await begun
    ok(followed.isEqual)
  })

  test('429: not asked again before the server wants it', async t => {
    const scene = await Scene.of(t)
    scene.api.inject({ ...ROUTES }, { code: 429, retryAfterSeconds: 1 })
    const startedMs = performance.now()
    const followed = await scene.follow()
    ok(performance.now() - startedMs >= 1000)
    equal(scene.asked.filter(each => each.code !== 200).length, 1)
    keeps(followed)
  })

  test('a server that fails again and again is asked less and less often', async t => {
    const scene = await Scene.of(t)
    const followed = await scene.follow()
    const failing = scene.api.inject({ ...ROUTES }, { code: 503 }, Number.POSITIVE_INFINITY)
    const startedMs = performance.now()
    for (const each of scene.api.watchesOf('virtualservices')) each.cut()
    await followed.until(() => failing.met >= 8)
    // 10, 20, 40, and then 80 each, and more by chance.
    const leastMs = 10 + 20 + 40 + 4 * QUICK.mostMs
    ok(performance.now() - startedMs >= leastMs)
    scene.change()
    failing.remove()
    await followed.equals()
    keeps(followed)
  })

  test('a watch that always ends at once is not asked for in a loop', async t => {
    const scene = await Scene.of(t)
    const followed = await scene.follow({ pace: { shortMs: 50 } })
    const ending = scene.api.inject({ ...ROUTES, verb: 'watch' }, { body: '' }, Number.POSITIVE_INFINITY)
    const startedMs = performance.now()
    for (const each of scene.api.watchesOf('virtualservices')) each.cut()
    await followed.until(() => ending.met >= 6)
    ok(performance.now() - startedMs >= 10 + 20 + 40 + QUICK.mostMs)
    ending.remove()
    scene.change()
    await followed.equals()
  })

  test('401, then a token that was replaced in its file', async t => {
    const scene = await Scene.of(t)
    const folder = mkdtempSync(join(tmpdir(), 'weir-token-'))
    const file = join(folder, 'token')
    try {
      writeFileSync(file, 'first')
      scene.api.access.allowToken('first', { name: 'weir' })
      const followed = await scene.follow({ identity: { bearer: bearerOfFile(file) } })
      scene.api.access.revokeToken('first')
      scene.api.access.allowToken('second', { name: 'weir' })
      scene.cutAll()
      await followed.until(() => scene.api.requests.some(each => each.code === 401))
      writeFileSync(file, 'second')
      scene.change()
      await followed.equals()
      keeps(followed)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('a kind that is defined later, gone for a while, and back', async t => {
    const definition = ISTIO_CRDS.find(each =>
      each.metadata.name.startsWith('virtualservices.'),
    ) as KubeObject
    const others = CRDS.filter(each => each !== definition)
    const scene = await Scene.of(t, { crds: others }, [service('mongo')])
    const followed = await scene.follow()
    equal(followed.table.size, 1)

    scene.api.put(definition)
    scene.api.put(route('a'))
    await followed.equals()
    equal(followed.table.size, 2)
    ok(scene.asked.length < 60, `${scene.asked.length} requests`)

    scene.api.remove(definition)
    await followed.until(() => followed.table.size === 1)
    scene.api.put(definition)
    scene.api.put(route('b'))
    await followed.equals()
    equal(followed.table.size, 2)
  })

  test('a server that goes away while a kind is not defined', async t => {
    const others = CRDS.filter(each => !each.metadata.name.startsWith('virtualservices.'))
    const scene = await Scene.of(t, { crds: others }, [service('mongo')])
    const gone = scene.api.inject({ path: /readyz/ }, { reset: true }, 3)
    const followed = await scene.follow()
    equal(gone.met, 3)
    for (const each of ISTIO_CRDS) scene.api.put(each)
    scene.api.put(route('a'))
    await followed.equals()
    equal(followed.table.size, 2)
  })

  test('no EndpointSlices: Endpoints instead', async t => {
    const scene = await Scene.of(t, { without: ['discovery.k8s.io'] })
    const endpoints = (ip: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'mongo', namespace: 'default' },
      subsets: [{ addresses: [{ ip }], ports: [{ port: 27017 }] }],
    })
    scene.api.put(endpoints('10.0.0.1'))
    const followed = await scene.follow()
    scene.api.put(endpoints('10.0.0.2'))
    await followed.equals()
    ok([...followed.table.keys()].some(key => key.includes('Endpoints default/mongo')))
  })

  test('bookmarks: a quiet kind continues from what others have changed', async t => {
    const scene = await Scene.of(t)
    const followed = await scene.follow()
    for (let step = 0; step < 3; step++) scene.api.put(service(`s${step}`))
    await followed.equals()
    scene.api.bookmark()
    scene.api.compact()
    const lists = scene.api.requests.filter(each => each.query.has('sendInitialEvents')).length
    for (const each of scene.api.watchesOf('virtualservices')) each.end()
    scene.change()
    await followed.equals()
    equal(scene.api.requests.filter(each => each.query.has('sendInitialEvents')).length, lists)
  })

  test('a server that is killed and started again', async t => {
    const scene = await Scene.of(t)
    const followed = await scene.follow()
    for (let step = 0; step < 3; step++) {
      await scene.api.stop()
      scene.change()
      await scene.api.listen()
      scene.change()
      await followed.equals()
    }
    keeps(followed)
  })
})
