/** Ten replicas, of which the one that writes statuses dies in the middle of it. */

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { objectKey } from '../../src/config/text/read-objects.ts'
import { gateway, service, tcp, tcpRoute } from '../support/gateway-api.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { FakeApi } from './fake/server.ts'
import { Followed } from './followed.ts'
import { WEIR_CLASS } from './gateway-api.ts'

const ROUTES = 8
/** Longer than a busy machine holds up a renewal; nobody works while the others wait for it. */
const LEASE_MS = 1_200

const routeTo = (index: number, backend: string): KubeObject =>
  tcpRoute(`shop/r${index}`, { name: 'edge', sectionName: `tcp-${9000 + index}` }, [backend]) as KubeObject

test('the next holder writes what is left, each once, and nothing that is stale', async t => {
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS] })
  t.after(() => api.stop())
  const routes = Array.from({ length: ROUTES }, (_, index) => routeTo(index, 'db'))
  const served = [
    WEIR_CLASS,
    gateway(
      'shop/edge',
      Array.from({ length: ROUTES }, (_, index) => tcp(9000 + index)),
    ),
    ...routes,
  ] as KubeObject[]
  for (const each of [...served, ...service('shop/db')]) api.put(each as KubeObject)
  const names = Array.from({ length: 10 }, (_, index) => `replica-${index}`)
  const replicas = new Map<string, Followed>()
  await Promise.all(
    names.map(async name => {
      api.access.allowToken(name, { name })
      const bearer = { token: async () => name, refused: () => {} }
      const options = { settings: { status: true }, pace: { spreadMs: 1, leaseMs: LEASE_MS } }
      replicas.set(name, await Followed.of(api, { ...options, identity: { bearer } }))
    }),
  )
  t.after(() => Promise.all([...replicas.values()].map(each => each.close())))
  const writes = () => api.requests.filter(each => each.subresource === 'status' && each.code === 200)
  const statusOf = (object: KubeObject): string => JSON.stringify(api.get(object).status ?? null)
  const change = (object: KubeObject, index: number) =>
    api.put({ ...api.get(object), spec: routeTo(index, 'gone').spec as object })

  for (const each of replicas.values()) each.report()
  while (writes().length < 3) await api.nextRequest
  // The write that comes next is taken, and its answer lost with the holder.
  api.inject({ verb: 'patch', subresource: 'status' }, { half: true })
  while (writes().length < 4) await api.nextRequest
  const dead = writes()[0].user
  api.access.revokeToken(dead)
  equal(writes().length, 4)
  equal(new Set(writes().map(each => each.user)).size, 1)

  // Of one route the status is there and becomes wrong; of another there is none yet.
  const written = routes.findIndex(each => statusOf(each) !== 'null')
  const unwritten = routes.findLastIndex(each => statusOf(each) === 'null')
  ok(written >= 0 && unwritten > written, `${written} ${unwritten}`)
  for (const index of [written, unwritten]) change(routes[index], index)
  const alive = [...replicas].filter(([name]) => name !== dead).map(([, each]) => each)
  await Promise.all(
    alive.map(async each => {
      for (const index of [written, unwritten])
        await each.until(() => JSON.stringify(each.table.get(objectKey(routes[index]))).includes('"gone"'))
      each.report()
    }),
  )
  const isDone = (object: KubeObject): boolean => {
    const { metadata } = api.get(object)
    return statusOf(object).includes(`"observedGeneration":${metadata.generation}`)
  }
  while (!served.every(isDone)) await api.nextRequest
  for (const each of alive) each.report()
  await Promise.all(alive.map(each => each.close()))

  const counts = new Map<string, number>()
  for (const { plural, name } of writes())
    counts.set(`${plural} ${name}`, (counts.get(`${plural} ${name}`) ?? 0) + 1)
  const twice = `tcproutes r${written}`
  deepEqual(
    [...counts].filter(([, count]) => count !== 1),
    [[twice, 2]],
    'each once, and once more what has changed',
  )
  equal(counts.size, served.length)
  for (const index of [written, unwritten]) ok(statusOf(routes[index]).includes('BackendNotFound'))
  for (const each of served) {
    const generations = statusOf(each).match(/(?<="observedGeneration":)\d+/g) ?? []
    deepEqual([...new Set(generations)], [String(api.get(each).metadata.generation)])
  }
  notEqual(writes().at(-1)?.user, dead)
  equal(writes().filter(each => each.user === dead).length, 4)
})
