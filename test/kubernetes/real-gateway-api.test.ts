/** Gateway API from a real API server: traffic, status, grants, TLS to backends, rollouts. */

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer } from 'node:tls'
import { openAdminOf } from '../../src/admin/open.ts'
import { DEFAULT_ADMIN } from '../../src/config/settings/settings.ts'
import type { Gateway } from '../../src/control/gateway.ts'
import { weir } from '../cli/kit.ts'
import { ask, echo, folder } from '../control/scene.ts'
import { Authority } from '../support/authority.ts'
import { fullOnly } from '../support/full.ts'
import { grant, api as resource, tcp, tcpRoute, tls, tlsRoute } from '../support/gateway-api.ts'
import { freePort } from '../support/sockets.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { askByName, follows, gatewayOf } from './gateway.ts'
import { elsewhere, localGateway, WEIR_CLASS, WRITING } from './gateway-api.ts'
import { Kubectl, noKubectl } from './kubectl.ts'
import { Cluster, noCluster } from './real/cluster.ts'
import { service, slice } from './resources.ts'

const skip = noCluster || noKubectl || fullOnly
const namespace = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

/** An API server with the kinds and namespaces that these tests use. */
async function start() {
  const cluster = await Cluster.start()
  const kubectl = new Kubectl(cluster.kubeconfig())
  await kubectl.apply([...ISTIO_CRDS, ...GATEWAY_API_CRDS])
  await kubectl.do('wait', '--for=condition=established', '--timeout=60s', 'crd', '--all')
  await kubectl.apply([namespace('shop'), namespace('other'), WEIR_CLASS])
  const said = async (...words: string[]): Promise<string> => String(await kubectl.do('get', ...words))
  /** Until kubectl gets this. */
  const says = async (text: string, path: string, ...words: string[]): Promise<void> => {
    while ((await said(...words, '-o', `jsonpath=${path}`)) !== text) await sleep(50)
  }
  return { cluster, kubectl, said, says }
}

let ready: ReturnType<typeof start> | null = null
/** One for all tests of this file. */
function begin(): ReturnType<typeof start> {
  ready ??= start()
  return ready
}
after(async () => {
  const scene = await ready
  scene?.kubectl.close()
  await scene?.cluster.stop()
})

/** What a rollout of this resource says, beside `visit`, again and again until it ends. */
async function rolledOut(t: TestContext, serving: Gateway, words: string[], visit: () => Promise<unknown>) {
  const { cluster } = await begin()
  const admin = await openAdminOf(serving, { ...DEFAULT_ADMIN, port: 0 }, '1.2.3', { metricsMs: 0 })
  t.after(() => admin.close())
  const root = folder(t, { config: cluster.kubeconfig() })
  let isOver = false
  const moved = weir([
    ...['rollout', ...words, '--steps', '50,100', '--apply'],
    ...['--kubernetes', '--kubeconfig', `${root}/config`, '--every', '200ms', '--least', '10'],
    ...['--admin', `127.0.0.1:${admin.port}`],
  ]).finally(() => {
    isOver = true
  })
  while (!isOver) await visit()
  return await moved
}

test('status is written, and follows a grant that goes and comes back; a rollout moves the route', {
  skip,
}, async t => {
  const { cluster, kubectl, said, says } = await begin()
  const [b, c] = [await echo(t, 'b'), await echo(t, 'c')]
  const [port, weighted] = [await freePort(), await freePort()]
  const exact = { annotations: { 'gateway.weir/split': 'exact' } }
  const allowed = grant('other/routes', 'TCPRoute', 'shop') as KubeObject
  await kubectl.apply([
    localGateway('shop/edge', [tcp(port), tcp(weighted)]),
    tcpRoute('shop/db', { name: 'edge', port }, ['other/two 1', 'other/three 0']) as KubeObject,
    ...[allowed, elsewhere(service('two')), elsewhere(slice('two', b, { version: 'v1beta1' }))],
    ...[elsewhere(service('three')), elsewhere(slice('three', c, { version: 'v1beta1' }))],
    tcpRoute(
      'shop/weights',
      { name: 'edge', port: weighted },
      ['other/two 7', 'other/three 3', 'gone 10', 'also-gone 0'],
      exact,
    ) as KubeObject,
  ])
  const { gateway: serving } = await gatewayOf(t, cluster.kubeconfig(), WRITING)
  const resolved = (status: string) =>
    says(
      status,
      "{.status.parents[0].conditions[?(@.type=='ResolvedRefs')].status}",
      ...['tcproutes', 'db', '-n', 'shop'],
    )
  await follows(port, 'b')
  await resolved('True')
  const answers: Record<string, number> = {}
  for (let index = 0; index < 40; index++) {
    const answer = await ask(weighted)
    answers[answer] = (answers[answer] ?? 0) + 1
  }
  deepEqual(answers, { 'b test': 14, 'c test': 6, '': 20 })
  const holder = await said('lease', '-A', '-o', 'jsonpath={.items[0].metadata.name}')
  equal(holder, 'weir-status')
  await says('Accepted', '{.status.conditions[0].type}', 'gatewayclass', 'weir')
  match(await said('gatewayclass', 'weir', '-o', 'jsonpath={.status.supportedFeatures}'), /"TCPRoute"/)
  await kubectl.do('delete', 'referencegrants', 'routes', '-n', 'other')
  while ((await ask(port)) !== '') await sleep(5)
  await resolved('False')
  await kubectl.apply([allowed])
  await follows(port, 'b')
  await resolved('True')

  const words = ['TCPRoute shop/db', '--to', 'three.other.svc.cluster.local']
  const { code, out, err } = await rolledOut(t, serving, words, () => ask(port))
  equal(code, 0, `${out}${err}`)
  await follows(port, 'c')
})

test('TLS is spoken by a BackendTLSPolicy, the oldest TCPRoute serves alone, a TLSRoute is rolled out', {
  skip,
}, async t => {
  const { cluster, kubectl, said, says } = await begin()
  const authority = new Authority('test')
  const own = authority.issue({ names: ['db.test'] })
  const server = createServer({ cert: own.cert, key: own.key }, socket => {
    socket.on('error', () => socket.destroy())
    socket.on('data', data => socket.write(`secret ${data}`))
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const secret = (server.address() as { port: number }).port
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const [port, byName] = [await freePort(), await freePort()]
  const section = { name: 'tls', sectionName: `tcp-${port}` }
  const policy = (hostname: string) =>
    resource('BackendTLSPolicy', 'shop/db', {
      targetRefs: [{ group: '', kind: 'Service', name: 'db' }],
      validation: { hostname, caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }] },
    }) as KubeObject
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ca', namespace: 'shop' } }
  await kubectl.apply([
    localGateway('shop/tls', [tcp(port), tls(byName, '*.example.com')]),
    tcpRoute('shop/older', section, ['db']) as KubeObject,
    tlsRoute('shop/named', { name: 'tls' }, ['www.example.com'], ['one 1', 'two 0']) as KubeObject,
    ...[{ ...configMap, data: { 'ca.crt': authority.cert } }, policy('db.test')],
    ...[
      service('db'),
      slice('db', secret, { version: 'v1beta1' }),
      service('one'),
      slice('one', a, { version: 'v1beta1' }),
    ],
    ...[service('two'), slice('two', b, { version: 'v1beta1' })],
  ])
  const { gateway: serving } = await gatewayOf(t, cluster.kubeconfig(), WRITING)
  const told = (text: string) =>
    says(
      text,
      '{range .status.ancestors[0].conditions[*]}{.type} {.status} {.observedGeneration} {end}',
      ...['backendtlspolicies', 'db', '-n', 'shop'],
    )
  await follows(port, 'secret')
  await told('Accepted True 1 ResolvedRefs True 1 ')
  await kubectl.apply([policy('wrong.test')])
  while ((await ask(port)) !== '') await sleep(5)
  await told('Accepted True 2 ResolvedRefs True 2 ')
  await kubectl.do('delete', 'configmap', 'ca', '-n', 'shop')
  await told('Accepted False 2 ResolvedRefs False 2 ')
  await kubectl.apply([{ ...configMap, data: { 'ca.crt': authority.cert } }, policy('db.test')])
  await follows(port, 'secret')

  // Younger, whatever its name: times are whole seconds.
  const made = Date.parse(
    await said('tcproutes', 'older', '-n', 'shop', '-o', 'jsonpath={.metadata.creationTimestamp}'),
  )
  await sleep(Math.max(0, made + 1_000 - Date.now()))
  await kubectl.apply([tcpRoute('shop/a-newer', section, ['one']) as KubeObject])
  await says(
    '2',
    '{.status.listeners[0].attachedRoutes}',
    'gateways.gateway.networking.k8s.io',
    'tls',
    '-n',
    'shop',
  )
  await says('True', '{.status.parents[0].conditions[0].status}', 'tcproutes', 'a-newer', '-n', 'shop')
  for (let index = 0; index < 20; index++) equal(await ask(port), 'secret test')
  await kubectl.do('delete', 'tcproutes', 'older', '-n', 'shop')
  await follows(port, 'a')

  const words = ['TLSRoute shop/named', '--to', 'two']
  const { code, out, err } = await rolledOut(t, serving, words, () => askByName(byName, 'www.example.com'))
  equal(code, 0, `${out}${err}`)
  while ((await askByName(byName, 'www.example.com')) !== 'b') await sleep(5)
})

test('of two gateways one writes status, over what others write, and the other when it has gone', {
  skip,
}, async t => {
  const { cluster, kubectl, said, says } = await begin()
  const port = await freePort()
  const route = (backend: string) =>
    tcpRoute('shop/turns', { name: 'turns' }, [backend]) as unknown as KubeObject
  await kubectl.apply([localGateway('shop/turns', [tcp(port)]), route('nobody')])
  const options = { ...WRITING, pace: { ...WRITING.pace, leaseMs: 3_000 } }
  const first = await gatewayOf(t, cluster.kubeconfig(), options)
  const second = await gatewayOf(t, cluster.kubeconfig(), options)
  const path = '{range .status.parents[*]}{.controllerName} {.conditions[*].observedGeneration} {end}'
  const told = (text: string) => says(text, path, 'tcproutes', 'turns', '-n', 'shop')
  const own = (generation: number) => `gateway.weir/controller ${generation} ${generation} `
  await told(own(1))
  const holder = () => said('lease', 'weir-status', '-o', 'jsonpath={.spec.holderIdentity}')
  const before = await holder()
  ok(before !== '')

  // Somebody else writes into the same status, and the spec changes.
  const parentRef = { name: 'turns', group: 'gateway.networking.k8s.io', kind: 'Gateway' }
  const theirs = { parentRef, controllerName: 'example.com/other', conditions: [] }
  const { status } = JSON.parse(await said('tcproutes', 'turns', '-n', 'shop', '-o', 'json'))
  const both = { status: { parents: [theirs, ...status.parents] } }
  const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify(both)]
  await kubectl.do('patch', 'tcproutes', 'turns', '-n', 'shop', ...patch)
  await kubectl.apply([route('nobody-else')])
  await told(`example.com/other  ${own(2)}`)
  equal(await holder(), before)

  await first.gateway.stop()
  await first.kubernetes.close()
  await kubectl.apply([route('nobody')])
  await told(`example.com/other  ${own(3)}`)
  ok((await holder()) !== before)
  equal(second.gateway.readiness().ready, true)
})
