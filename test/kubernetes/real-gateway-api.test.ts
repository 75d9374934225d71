/** Gateway API from a real API server: traffic, status, a grant that goes, and a rollout. */

import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { openAdminOf } from '../../src/admin/open.ts'
import { DEFAULT_ADMIN } from '../../src/config/settings/settings.ts'
import { weir } from '../cli/kit.ts'
import { ask, echo, folder } from '../control/scene.ts'
import { fullOnly } from '../support/full.ts'
import { gateway, grant, tcp, tcpRoute, WEIR } from '../support/gateway-api.ts'
import { freePort } from '../support/sockets.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { follows, gatewayOf, service, slice } from './gateway.ts'
import { Kubectl, noKubectl } from './kubectl.ts'
import { Cluster, noCluster } from './real/cluster.ts'

const namespace = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
const elsewhere = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, namespace: 'other' },
})

test('status is written, and follows a grant that goes and comes back; a rollout moves the route', {
  skip: noCluster || noKubectl || fullOnly,
}, async t => {
  const [b, c] = [await echo(t, 'b'), await echo(t, 'c')]
  const port = await freePort()
  const cluster = await Cluster.start()
  t.after(() => cluster.stop())
  const kubectl = new Kubectl(cluster.kubeconfig())
  t.after(() => kubectl.close())
  await kubectl.apply([...ISTIO_CRDS, ...GATEWAY_API_CRDS])
  await kubectl.do('wait', '--for=condition=established', '--timeout=60s', 'crd', '--all')
  const { namespace: _, ...ofClass } = WEIR.metadata
  const allowed = grant('other/routes', 'TCPRoute', 'shop') as KubeObject
  await kubectl.apply([
    ...[namespace('shop'), namespace('other')],
    { ...WEIR, metadata: ofClass } as KubeObject,
    gateway('shop/edge', [tcp(port)], { addresses: [{ value: '127.0.0.1' }] }) as KubeObject,
    tcpRoute('shop/db', { name: 'edge' }, ['other/two 1', 'other/three 0']) as KubeObject,
    ...[allowed, elsewhere(service('two')), elsewhere(slice('two', b, 'v1beta1'))],
    ...[elsewhere(service('three')), elsewhere(slice('three', c, 'v1beta1'))],
  ])
  const { gateway: serving } = await gatewayOf(t, cluster.kubeconfig(), {
    engine: 'epoll',
    status: true,
    pace: { spreadMs: 1 },
  })
  const said = async (...words: string[]): Promise<string> => String(await kubectl.do('get', ...words))
  const path = "jsonpath={.status.parents[0].conditions[?(@.type=='ResolvedRefs')].status}"
  const resolved = async (status: string): Promise<void> => {
    while ((await said('tcproutes', 'db', '-n', 'shop', '-o', path)) !== status) await after(50)
  }
  await follows(port, 'b')
  await resolved('True')
  const holder = await said('lease', '-A', '-o', 'jsonpath={.items[0].metadata.name}')
  equal(holder, 'weir-status')
  await kubectl.do('delete', 'referencegrants', 'routes', '-n', 'other')
  while ((await ask(port)) !== '') await after(5)
  await resolved('False')
  await kubectl.apply([allowed])
  await follows(port, 'b')
  await resolved('True')

  const admin = await openAdminOf(serving, { ...DEFAULT_ADMIN, port: 0 }, '1.2.3', { metricsMs: 0 })
  t.after(() => admin.close())
  const root = folder(t, { config: cluster.kubeconfig() })
  let isOver = false
  const moved = weir([
    ...[
      'rollout',
      'TCPRoute shop/db',
      '--to',
      'three.other.svc.cluster.local',
      '--steps',
      '50,100',
      '--apply',
    ],
    ...['--kubernetes', '--kubeconfig', `${root}/config`, '--every', '200ms', '--least', '10'],
    ...['--admin', `127.0.0.1:${admin.port}`],
  ]).finally(() => {
    isOver = true
  })
  while (!isOver) await ask(port)
  const { code, out, err } = await moved
  equal(code, 0, `${out}${err}`)
  await follows(port, 'c')
})
