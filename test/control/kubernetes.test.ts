/** A gateway that follows the API of a cluster: the tests' own one (test/kubernetes/fake). */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ISTIO_CRDS } from '../kubernetes/fake/crds.ts'
import type { KubeObject } from '../kubernetes/fake/object.ts'
import type { FakeOptions } from '../kubernetes/fake/server.ts'
import { gatewayOf, sceneOf } from '../kubernetes/gateway.ts'
import { edge, istio, pod, routeTo, secret, service, slice } from '../kubernetes/resources.ts'
import { ask, echo } from './scene.ts'

/** A gateway that follows an API with these objects, and writes status. */
const scene = (t: TestContext, objects: (port: number) => readonly KubeObject[], api: FakeOptions = {}) =>
  sceneOf(t, objects, { api, status: true })

/** All connections of the Gateway at `port` go to one server. */
const toEcho = (port: number, server: number): readonly KubeObject[] => [
  edge(port),
  routeTo('echo'),
  service('echo'),
  slice('echo', server),
]

test('rules, Services and EndpointSlices are served; endpoints change without a generation', async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const { api, port, gateway, logged } = await scene(t, at => toEcho(at, a))
  equal(await ask(port), 'a test')
  api.put(slice('echo', b))
  await logged('endpoints revision 1 of generation 1')
  equal(await ask(port), 'b test')
  api.put(slice('echo', b, { endpoints: [{ conditions: { ready: false } }] }))
  await logged('has no endpoint')
  equal(await ask(port), '')
  // Endpoints that are being deleted serve while there are no others.
  api.put(
    slice('echo', a, { endpoints: [{ conditions: { ready: false, serving: true, terminating: true } }] }),
  )
  await logged('endpoints revision 3 of generation 1')
  equal(await ask(port), 'a test')
  api.put(slice('echo', b, { suffix: 'b' }))
  await logged('endpoints revision 4 of generation 1')
  equal(await ask(port), 'b test')
  equal(gateway.serving?.generation, 1)
})

test('what the cluster has is compared as it is served: without a mesh, and without what is wrong', async t => {
  const objects = (at: number) => toEcho(at, 9000)
  const { port, gateway } = await scene(t, objects)
  const wrong = istio('VirtualService', 'wrong', { hosts: ['b.com'], tcp: [{ rout: [] }] })
  const settings = { path: 'a.yaml', text: 'apiVersion: gateway.weir/v1\nkind: Settings\nspec: {}\n' }
  const body = { files: [settings], objects: [...objects(port), wrong] }
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  const found = await gateway.diff(bytes, new AbortController().signal)
  ok(found && 'valid' in found, JSON.stringify(found))
  deepEqual([found.valid, found.changes?.listeners.added, found.changes?.rules.list], [true, [], []])
  equal(found.findings[0].file, 'VirtualService shop/wrong')
})

test('a wrong resource is left out, the last good one stays, and nothing is published for it', async t => {
  const a = await echo(t, 'a')
  const { api, port, gateway, logged, records } = await scene(t, at => toEcho(at, a))
  const wrong = istio('VirtualService', 'all', { hosts: ['*'], gateways: ['edge'], tcp: [{ rout: [] }] })
  api.put(wrong)
  await logged('VirtualService shop/all spec.tcp[0].rout: CFG102')
  equal(await ask(port), 'a test')
  equal((await gateway.reload(null)).outcome, 'unchanged')
  equal(records.filter(each => String(each.msg).includes('CFG102')).length, 1)
  equal(await ask(port), 'a test')
  api.remove(wrong)
  await logged('generation 2')
  equal(await ask(port), '')
})

test('connections end at once, while an API that does not answer is still waited for', async t => {
  const a = await echo(t, 'a')
  const { port, gateway } = await scene(t, at => toEcho(at, a))
  const { kubernetes } = gateway
  ok(kubernetes)
  const released = Promise.withResolvers<void>()
  t.signal.addEventListener('abort', () => released.resolve())
  const close = kubernetes.close.bind(kubernetes)
  kubernetes.close = async () => {
    await released.promise // as a Lease whose holder asks a silent server
    await close()
  }
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('test')
  await once(socket, 'data')
  const closed = new Promise(resolve => socket.once('close', resolve))
  const drained = gateway.drain(0)
  while ((await ask(port)) !== '' && !t.signal.aborted); // a drain closes its listeners
  ok(!t.signal.aborted)
  const stopped = gateway.stop()
  await closed
  released.resolve()
  await Promise.all([drained, stopped])
})

test('while the API is away, weir serves on, and follows again after it', async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const { api, port, gateway, logged } = await scene(t, at => toEcho(at, a))
  await api.stop()
  await logged('what was known stays')
  ok(gateway.readiness().ready)
  equal(await ask(port), 'a test')
  api.put(slice('echo', b))
  api.compact()
  await api.listen()
  await logged('endpoints revision 1 of generation 1')
  equal(await ask(port), 'b test')
})

test('Pods are read where a DestinationRule has subsets, and their labels choose endpoints', async t => {
  const [one, two] = [await echo(t, 'one'), await echo(t, 'two')]
  const { api, port, gateway, logged } = await scene(t, at => [
    edge(at),
    routeTo('echo', 'v2'),
    istio('DestinationRule', 'echo', { host: 'echo', subsets: [{ name: 'v2', labels: { version: 'v2' } }] }),
    service('echo'),
    pod('old', { version: 'v1' }),
    pod('new', { version: 'v2' }),
    slice('echo', one, { endpoints: [{ pod: 'old' }] }),
    slice('echo', two, { endpoints: [{ pod: 'new' }], suffix: 'b' }),
  ])
  equal(await ask(port), 'two test')
  api.put(slice('echo', one, { endpoints: [{ pod: 'new' }], suffix: 'b' }))
  await logged('endpoints revision 1 of generation 1')
  equal(await ask(port), 'one test')
  api.remove(pod('new', { version: 'v2' }))
  await logged('endpoints revision 2 of generation 1')
  equal(await ask(port), '')
  equal(gateway.serving?.generation, 1)
})

test('an old server: no WatchList, EndpointSlices of v1beta1 or none, CRDs that come later', async t => {
  const a = await echo(t, 'a')
  const endpoints = (port: number): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'echo', namespace: 'shop' },
    subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ name: 'tcp', port }] }],
  })
  const crds = ISTIO_CRDS.filter(each => each.metadata.name !== 'virtualservices.networking.istio.io')
  const missing = ISTIO_CRDS.find(each => !crds.includes(each))
  const { api, port, logged } = await scene(t, at => [edge(at), service('echo'), endpoints(a)], {
    crds,
    hasWatchList: false,
    without: ['discovery.k8s.io'],
  })
  await logged('the cluster has no EndpointSlice')
  await logged('the cluster has no VirtualService')
  ok(missing)
  api.put(missing)
  api.put(routeTo('echo'))
  await logged('generation 2')
  equal(await ask(port), 'a test')
  api.put(endpoints(await echo(t, 'b')))
  await logged('endpoints revision 1 of generation 2')
  equal(await ask(port), 'b test')
})

test('status and Events say what is wrong, once, and that it is right again', async t => {
  const a = await echo(t, 'a')
  const wrong = istio('VirtualService', 'all', { hosts: ['*'], gateways: ['edge'], tcp: [{ rout: [] }] })
  const routed = (): KubeObject => api.get(wrong)
  const { api, logged } = await scene(t, at => toEcho(at, a))
  const condition = () =>
    (
      Object(routed().status).conditions as { type: string; status: string; message: string }[] | undefined
    )?.[0]
  api.put(wrong)
  await logged('CFG102')
  while (condition()?.status !== 'False' || api.count('create', 'events') === 0) await api.nextRequest
  equal(condition()?.type, 'gateway.weir/Accepted')
  ok(condition()?.message.includes('CFG102 spec.tcp[0].rout: field "rout" is not known here'))
  api.put({ ...routed(), spec: routeTo('other').spec })
  while (condition()?.status !== 'True') await api.nextRequest
  const written = api.requests.filter(each => each.verb === 'patch').length
  equal(written, 2)
})

test('a start while the API is away serves the cache, and follows the API once it is back', async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const tls = istio('Gateway', 'tls', {
    servers: [
      {
        port: { number: 1, name: 'tls', protocol: 'TLS' },
        hosts: ['*'],
        tls: { mode: 'SIMPLE', credentialName: 'cert' },
      },
    ],
  })
  const first = await scene(t, at => [
    edge(at),
    routeTo('echo'),
    service('echo'),
    slice('echo', a),
    tls,
    secret('cert', { 'tls.key': 'c2VjcmV0' }),
  ])
  const { api, port, root } = first
  await first.gateway.stop()
  const cache = `${root}/cache/cluster.cache`
  equal(statSync(cache).mode & 0o777, 0o600)
  ok(!/c2VjcmV0|tls\.key/.test(readFileSync(cache, 'latin1')))
  await api.stop()
  const { logged } = await gatewayOf(t, api.kubeconfig(), { root })
  await logged('served from the cache')
  equal(await ask(port), 'a test')
  api.put(slice('echo', b))
  await api.listen()
  await logged('endpoints revision 1')
  equal(await ask(port), 'b test')
})

test('a thread that has lost the mirror gets everything anew', async t => {
  const a = await echo(t, 'a')
  const { api, port, kubernetes, logged } = await scene(t, at => [
    edge(at),
    service('echo'),
    slice('echo', a),
  ])
  kubernetes.current() // as if a thread had taken this, and ended
  api.put(routeTo('echo'))
  await logged('generation 2')
  equal(await ask(port), 'a test')
})

test('what is read is no more than what is asked for', async t => {
  const a = await echo(t, 'a')
  const { api, kubernetes } = await scene(t, at => toEcho(at, a))
  const read = new Set(api.requests.map(each => each.plural))
  deepEqual(
    [...read].filter(each => ['pods', 'nodes', 'secrets', 'endpoints'].includes(each)),
    [],
  )
  ok(kubernetes.states.every(each => each.isSynced))
})
