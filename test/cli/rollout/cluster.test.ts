/** Rollouts of resources of a cluster, by its API: moved, put back, left to whoever else writes. */

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { openAdminOf } from '../../../src/admin/open.ts'
import { DEFAULT_ADMIN } from '../../../src/config/settings/settings.ts'
import { echo, folder } from '../../control/scene.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from '../../kubernetes/fake/crds.ts'
import type { KubeObject } from '../../kubernetes/fake/object.ts'
import { FakeApi } from '../../kubernetes/fake/server.ts'
import { follows, gatewayOf } from '../../kubernetes/gateway.ts'
import { edge, routeTo, service, slice } from '../../kubernetes/resources.ts'
import { gateway as apiGateway, tcp, tcpRoute, tls, tlsRoute, WEIR } from '../../support/gateway-api.ts'
import { hello, host, record, serverName } from '../../support/hello.ts'
import { freePort } from '../../support/sockets.ts'
import { weir } from '../kit.ts'

const CLIENTS = 4

const destination = (host: string, weight: number): object => ({
  destination: { host, port: { number: 80 } },
  weight,
})
const virtualService = (weights: readonly [number, number]): KubeObject => ({
  ...routeTo('one'),
  spec: {
    hosts: ['*'],
    gateways: ['edge'],
    tcp: [{ route: [destination('one', weights[0]), destination('two', weights[1])] }],
  },
})

const ends: (() => unknown)[] = []
after(async () => {
  for (const end of ends.toReversed()) await end()
})

let scene: Awaited<ReturnType<typeof begin>>
before(async () => {
  scene = await begin({ after: end => void ends.push(end as () => unknown) } as TestContext)
})

/** A client that names this server. */
const HELLO = record(hello([serverName(host('www.example.com'))]))

/** One gateway that follows one API: a VirtualService, a TCPRoute, a TLSRoute, at a port each. */
async function begin(t: TestContext) {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS] })
  t.after(() => api.stop())
  const [port, other, named, closed] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const { namespace: _, ...ofClass } = WEIR.metadata
  const route = tcpRoute('shop/orders', { name: 'api' }, ['one 1', 'two 0']) as KubeObject
  const byName = tlsRoute(
    'shop/named',
    { name: 'api' },
    ['www.example.com'],
    ['one 1', 'two 0'],
  ) as KubeObject
  const given = [
    { ...WEIR, metadata: ofClass },
    apiGateway('shop/api', [tcp(other), tls(named, '*.example.com')], {
      addresses: [{ value: '127.0.0.1' }],
    }),
    route,
    byName,
    edge(port),
    virtualService([100, 0]),
  ] as KubeObject[]
  const backends = [service('one'), slice('one', a), service('two'), slice('two', b)]
  for (const each of [...given, ...backends]) api.put(each)
  const { gateway } = await gatewayOf(t, api.kubeconfig(), { engine: 'epoll' })
  const admin = await openAdminOf(gateway, { ...DEFAULT_ADMIN, port: 0 }, '1.2.3', { metricsMs: 0 })
  t.after(() => admin.close())
  const root = folder(t, { config: api.kubeconfig() })
  await follows(port, 'a')
  await follows(other, 'a')
  const visit = (at: number): Promise<void> => {
    const socket = connect(at, '127.0.0.1', () => socket.write(at === named ? HELLO : 'hello\n'))
    socket.on('error', () => {})
    socket.on('data', () => socket.end())
    return new Promise(resolve => socket.once('close', () => resolve()))
  }
  /** A rollout beside clients of `at` that come until it ends. */
  const visited = async (at: number, words: readonly string[], onOut = (_: string): unknown => null) => {
    let isOver = false
    const said = weir(
      [
        ...['rollout', ...words, '--kubernetes', '--kubeconfig', `${root}/config`],
        ...['--every', '200ms', '--least', '20', '--admin', `127.0.0.1:${admin.port}`],
      ],
      { onOut },
    ).finally(() => {
      isOver = true
    })
    while (!isOver) await Promise.all(Array.from({ length: CLIENTS }, () => visit(at)))
    return await said
  }
  return { api, port, other, named, closed, b, route, byName, visited }
}

const weightsOf = (object: KubeObject, block: string, list: string): unknown => {
  const spec = scene.api.get(object).spec as Record<string, Record<string, { weight?: number }[]>[]>
  return spec[block][0][list].map(each => each.weight)
}

test('a VirtualService is moved step by step, over a conflict', async () => {
  const { api, port, visited } = scene
  const conflict = api.inject({ verb: 'patch', resource: 'virtualservices' }, { code: 409 })
  const words = ['shop/all', '--to', 'two', '--apply', '--steps', '50,100']
  const { code, out, err } = await visited(port, words)
  deepEqual([code, err], [0, ''], out)
  match(out, /^step 1 of 2: 50 % to two\n[\s\S]*done: 100 % to two, in VirtualService shop\/all\n$/)
  equal(conflict.met, 1)
  deepEqual(weightsOf(virtualService([0, 0]), 'tcp', 'route'), [0, 100])
  await follows(port, 'b')
  const again = await visited(port, words)
  deepEqual([again.code, again.out], [0, 'nothing to do: two has 100 % already\n'])
})

test('a TLSRoute is moved step by step, and only its weights', async () => {
  const { api, byName, named, visited } = scene
  const before = api.get(byName).spec as { hostnames: string[] }
  const words = ['TLSRoute shop/named', '--to', 'two', '--apply', '--steps', '50,100']
  const { code, out, err } = await visited(named, words)
  deepEqual([code, err], [0, ''], out)
  match(out, /^step 1 of 2: 50 % to two\n[\s\S]*done: 100 % to two, in TLSRoute shop\/named\n$/)
  const { hostnames } = api.get(byName).spec as { hostnames: string[] }
  deepEqual(hostnames, before.hostnames)
  deepEqual(weightsOf(byName, 'rules', 'backendRefs'), [0, 100])
})

test('a TCPRoute is put back, whole, when a guard breaks', async () => {
  const { api, b, closed, other, route, visited } = scene
  api.put(slice('two', closed))
  const before = api.get(route).spec
  const words = ['TCPRoute shop/orders', '--to', 'two', '--apply', '--steps', '50', '--least', '100000']
  const { code, out } = await visited(other, [...words, '--guard', 'dial-failures=1%'])
  api.put(slice('two', b))
  equal(code, 1, out)
  match(
    out,
    /broken: dial-failures: .*\nput back: TCPRoute shop\/orders is as before, with weight 0 of 1 for two\n$/,
  )
  deepEqual(api.get(route).spec, before)
  await follows(other, 'a')
})

test('what somebody else writes meanwhile stays', async () => {
  const { api, other, route, visited } = scene
  let isWritten = false
  const theirs = tcpRoute('shop/orders', { name: 'api' }, ['one 7', 'two 3']).spec as object
  const words = ['TCPRoute shop/orders', '--to', 'two', '--apply', '--steps', '20,100', '--least', '100000']
  const { code, out } = await visited(other, words, () => {
    const weights = JSON.stringify(weightsOf(route, 'rules', 'backendRefs'))
    if (isWritten || weights !== '[80,20]') return
    isWritten = true
    api.put({ ...api.get(route), spec: theirs })
  })
  ok(isWritten, out)
  equal(code, 1, out)
  match(out, /somebody else has changed TCPRoute shop\/orders, .*it has weight 3 of 10 for two now/)
  deepEqual(api.get(route).spec, theirs)
})

test('without --apply each step is a patch for kubectl, and nothing is written', async () => {
  const { api, other, route, visited } = scene
  const written = () => api.count('patch', 'tcproutes')
  const before = written()
  const words = ['TCPRoute shop/orders', '--to', 'two', '--steps', '100', '--guard', 'resets']
  let isDone = false
  const { code, out } = await visited(other, words, text => {
    const printed = /kubectl -n shop patch tcproute orders --type=json -p '(.*)'/.exec(text)
    if (!printed || isDone) return
    isDone = true
    deepEqual(
      JSON.parse(printed[1]).map((each: { path: string; value: number }) => [each.path, each.value]),
      [
        ['/spec/rules/0/backendRefs/0/weight', 0],
        ['/spec/rules/0/backendRefs/1/weight', 100],
      ],
    )
    const { spec } = tcpRoute('shop/orders', { name: 'api' }, ['one 0', 'two 100'])
    api.put({ ...api.get(route), spec: spec as object })
  })
  equal(code, 0, out)
  equal(written(), before)
})

test('what is not there, or not meant, is named', async () => {
  const { other, visited } = scene
  const words = ['--to', 'two', '--apply']
  const gone = await visited(other, ['shop/gone', ...words])
  deepEqual([gone.code, gone.err.includes('has no VirtualService shop/gone')], [1, true], gone.err)
  const wrong = await visited(other, ['TCPRoute shop/orders', '--to', 'three'])
  equal(wrong.code, 2)
  match(wrong.err, /no route of TCPRoute shop\/orders has this destination; there are one, two/)
  const both = await visited(other, ['shop/all', 'some/path', ...words])
  equal(both.code, 2)
  match(both.err, /leave PATH out/)
})
