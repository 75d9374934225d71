/**
 * Gateway API from an API server: traffic follows its resources, and each status is written once,
 * when something has changed.
 */

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { GATEWAY_API } from '../../src/config/kinds.ts'
import { ask, echo } from '../control/scene.ts'
import { grant, api as resource, tcp, tcpRoute, tls, tlsRoute } from '../support/gateway-api.ts'
import { freePort } from '../support/sockets.ts'
import { whenStuck } from '../support/stuck.ts'
import { crd, GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { FakeApi } from './fake/server.ts'
import { askByName, follows, gatewayOf } from './gateway.ts'
import { elsewhere, localGateway, WEIR_CLASS, WRITING } from './gateway-api.ts'
import { service, slice } from './resources.ts'

type Condition = {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly observedGeneration: number
}

/** As a server before Gateway API 1.5: routes of alpha versions alone, and no ListenerSets. */
const BEFORE_1_5 = [
  ...GATEWAY_API_CRDS.filter(each => !/^(tcproutes|tlsroutes|listenersets)\./.test(each.metadata.name)),
  crd({ kind: 'TCPRoute', plural: 'tcproutes' }, { group: GATEWAY_API, versions: ['v1alpha2'] }),
  crd({ kind: 'TLSRoute', plural: 'tlsroutes' }, { group: GATEWAY_API, versions: ['v1alpha3', 'v1alpha2'] }),
]

test('weights 70, 30 and 0, and the share of a Service that is missing, by routes of alpha versions', async t => {
  const [a, b, c] = [await echo(t, 'a'), await echo(t, 'b'), await echo(t, 'c')]
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...BEFORE_1_5] })
  t.after(() => api.stop())
  const [weighted, broken, byName] = [await freePort(), await freePort(), await freePort()]
  const of = (version: string, route: object): KubeObject =>
    ({ ...route, apiVersion: `${GATEWAY_API}/${version}` }) as KubeObject
  const exact = { annotations: { 'gateway.weir/split': 'exact' } }
  const parent = (port: number) => ({ name: 'edge', port })
  const edge = localGateway('shop/edge', [tcp(weighted), tcp(broken), tls(byName, '')])
  const routes = [
    of('v1alpha2', tcpRoute('shop/w', parent(weighted), ['one 70', 'two 30', 'three 0'], exact)),
    of('v1alpha2', tcpRoute('shop/broken', parent(broken), ['one 20', 'gone 80'], exact)),
    of('v1alpha3', tlsRoute('shop/named', parent(byName), ['www.example.com'], ['three'])),
  ]
  const services = Object.entries({ one: a, two: b, three: c })
  const backends = services.flatMap(([name, port]) => [service(name), slice(name, port)])
  for (const each of [WEIR_CLASS, edge, ...routes, ...backends]) api.put(each)
  await gatewayOf(t, api.kubeconfig(), WRITING)
  const tally = async (times: number, port: number): Promise<Record<string, number>> => {
    const answers: Record<string, number> = {}
    for (let index = 0; index < times; index++) {
      const answer = await ask(port)
      answers[answer] = (answers[answer] ?? 0) + 1
    }
    return answers
  }
  deepEqual(await tally(100, weighted), { 'a test': 70, 'b test': 30 })
  deepEqual(await tally(50, broken), { 'a test': 10, '': 40 })
  equal(await askByName(byName, 'www.example.com'), 'c')
  const resolved = (object: KubeObject) =>
    /"ResolvedRefs","status":"(\w+)","reason":"(\w+)"/.exec(JSON.stringify(api.get(object).status))?.slice(1)
  while (!routes.every(resolved)) await api.nextRequest
  deepEqual(routes.map(resolved), [
    ['True', 'ResolvedRefs'],
    ['False', 'BackendNotFound'],
    ['True', 'ResolvedRefs'],
  ])
})

test('listeners come and go; of two TCPRoutes one has the listener, and the other once it has gone', async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS] })
  t.after(() => api.stop())
  const [port, more] = [await freePort(), await freePort()]
  const edge = (...listeners: object[]) => localGateway('shop/edge', listeners)
  // Of one age, as made in one second: the first by name counts.
  const first = tcpRoute('shop/first', { name: 'edge' }, ['one']) as KubeObject
  const second = tcpRoute('shop/second', { name: 'edge' }, ['two']) as KubeObject
  const backends = [service('one'), slice('one', a), service('two'), slice('two', b)]
  for (const each of [WEIR_CLASS, edge(tcp(port)), first, ...backends]) api.put(each)
  await gatewayOf(t, api.kubeconfig(), WRITING)
  type Told = { conditions: Condition[]; listeners: { attachedRoutes: number; conditions: Condition[] }[] }
  /** The routes of each listener, once every condition is of this generation. */
  const attached = async (generation: number, ...counts: number[]): Promise<void> => {
    const isSaid = (): boolean => {
      const { conditions = [], listeners = [] } = (api.get(edge()).status ?? {}) as Partial<Told>
      const all = [...conditions, ...listeners.flatMap(each => each.conditions)]
      return (
        all.length > 0 &&
        all.every(each => each.observedGeneration === generation) &&
        String(listeners.map(each => each.attachedRoutes)) === String(counts)
      )
    }
    while (!isSaid()) await api.nextRequest
  }
  await follows(port, 'a')
  await attached(1, 1)
  api.put(second)
  await attached(1, 2)
  for (let index = 0; index < 20; index++) equal(await ask(port), 'a test')
  api.remove(first)
  await follows(port, 'b')
  await attached(1, 1)

  api.put({ ...api.get(edge()), spec: edge(tcp(port), tcp(more)).spec as object })
  await follows(more, 'b')
  await attached(2, 1, 1)
  api.put({ ...api.get(edge()), spec: edge(tcp(more)).spec as object })
  while ((await ask(port)) !== '') await after(5)
  equal(await ask(more), 'b test')
  await attached(3, 1)

  // The machine does not have one of these, and serves at the other.
  const addresses = [{ value: '127.0.0.1' }, { value: '192.0.2.7' }]
  const { spec } = localGateway('shop/edge', [tcp(more)], { addresses })
  api.put({ ...api.get(edge()), spec: spec as object })
  const programmed = () => {
    const { conditions } = api.get(edge()).status as Told
    const found = conditions.find(each => each.type === 'Programmed')
    return `${found?.observedGeneration} ${found?.status} ${found?.reason}`
  }
  while (programmed() !== '4 False AddressNotUsable') await api.nextRequest
  equal(await ask(more), 'b test')
})

test('traffic follows, and each status is written once', async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS] })
  t.after(() => api.stop())
  const [plain, more, byName] = [await freePort(), await freePort(), await freePort()]
  const edge = localGateway('shop/edge', [tcp(plain), tls(byName, '*.example.com')], {
    allowedListeners: { namespaces: { from: 'Same' } },
  })
  const set = resource('ListenerSet', 'shop/more', {
    parentRef: { name: 'edge' },
    listeners: [tcp(more)],
  }) as KubeObject
  const own = tcpRoute('shop/own', { name: 'edge', sectionName: `tcp-${plain}` }, ['one']) as KubeObject
  const parent = { kind: 'ListenerSet', group: 'gateway.networking.k8s.io', name: 'more' }
  const granted = tcpRoute('shop/granted', parent, ['other/two']) as KubeObject
  const named = tlsRoute('shop/named', { name: 'edge' }, ['www.example.com'], ['one']) as KubeObject
  const allowed = grant('other/routes', 'TCPRoute', 'shop') as KubeObject
  const told = [WEIR_CLASS, edge, set, own, granted, named]
  const backends = [service('one'), slice('one', a), service('two'), slice('two', b)]
  const others = [elsewhere(service('two')), elsewhere(slice('two', b))]
  for (const each of [...told, allowed, ...backends, ...others]) api.put(each)

  const statuses = () => api.requests.filter(each => each.subresource === 'status')
  whenStuck(t, () => `written: ${statuses().map(({ path, code }) => `${path} ${code}`)}`)
  const condition = (object: KubeObject, type: string): string => {
    const status = api.get(object).status as { parents?: { conditions: Condition[] }[] } | undefined
    const found = (status?.parents?.[0]?.conditions ?? []).find(each => each.type === type)
    return found ? `${found.status} ${found.observedGeneration}` : ''
  }
  /** That this many statuses were written, each without a conflict. */
  const wrote = async (count: number): Promise<void> => {
    while (statuses().length < count) await api.nextRequest
    deepEqual(
      statuses().map(each => each.code),
      Array.from({ length: count }, () => 200),
    )
  }

  const { gateway: serving } = await gatewayOf(t, api.kubeconfig(), WRITING)
  await follows(plain, 'a')
  await follows(more, 'b')
  equal(await askByName(byName, 'www.example.com'), 'a')
  equal(await askByName(byName, 'other.example.com'), '')
  await wrote(told.length)
  deepEqual(
    [own, granted, named].map(each => [condition(each, 'Accepted'), condition(each, 'ResolvedRefs')]),
    Array.from({ length: 3 }, () => ['True 1', 'True 1']),
  )

  // Endpoints and labels change no status.
  api.put(elsewhere(slice('two', a)))
  await follows(more, 'a')
  api.put(elsewhere(slice('two', b)))
  await follows(more, 'b')

  api.remove(allowed)
  while ((await ask(more)) !== '') await after(5)
  await wrote(told.length + 1)
  deepEqual([condition(granted, 'Accepted'), condition(granted, 'ResolvedRefs')], ['True 1', 'False 1'])
  await follows(plain, 'a')

  api.put(allowed)
  await follows(more, 'b')
  await wrote(told.length + 2)
  equal(condition(granted, 'ResolvedRefs'), 'True 1')

  const stored = api.get(own)
  const { spec } = tcpRoute('shop/own', { name: 'edge', sectionName: `tcp-${plain}` }, ['one 0', 'two 1'])
  api.put({ ...stored, spec: spec as object })
  await follows(plain, 'b')
  await wrote(told.length + 3)
  equal(condition(own, 'Accepted'), 'True 2')

  // A route that goes leaves its listener: the Gateway counts it no more.
  api.remove(own)
  while ((await ask(plain)) !== '') await after(5)
  await wrote(told.length + 4)
  const { listeners } = api.get(edge).status as { listeners: { name: string; attachedRoutes: number }[] }
  deepEqual(
    listeners.map(each => each.attachedRoutes),
    [0, 1],
  )
  equal(serving.readiness().ready, true)
})
