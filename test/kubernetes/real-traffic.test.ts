/** A gateway that follows a real API server, fed by kubectl: traffic follows, and none is lost. */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { echo } from '../control/scene.ts'
import { fullOnly } from '../support/full.ts'
import { freePort } from '../support/sockets.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { follows, gatewayOf } from './gateway.ts'
import { Kubectl, noKubectl } from './kubectl.ts'
import { Load } from './load.ts'
import { Cluster, noCluster } from './real/cluster.ts'
import { edge, routeTo, service, slice } from './resources.ts'

const skip = noCluster || noKubectl || fullOnly
const NAMESPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }

let cluster: Cluster
let kubectl: Kubectl

before(async () => {
  if (skip) return
  cluster = await Cluster.start()
  kubectl = new Kubectl(cluster.kubeconfig())
})

after(async () => {
  kubectl?.close()
  await cluster?.stop()
})

/** Of the version that this server has. */
const sliceOf = (name: string, port: number): KubeObject => slice(name, port, { version: 'v1beta1' })

test('definitions and resources come, change and go by kubectl; the API is killed, etcd compacted', {
  skip,
}, async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const port = await freePort()
  await kubectl.apply([NAMESPACE, service('one'), service('two'), sliceOf('one', a), sliceOf('two', b)])
  // No definitions yet: nothing to serve.
  const following = gatewayOf(t, cluster.kubeconfig())
  await kubectl.apply([...ISTIO_CRDS, ...GATEWAY_API_CRDS])
  await kubectl.do('wait', '--for=condition=established', '--timeout=60s', 'crd', '--all')
  await kubectl.apply([edge(port), routeTo('one')])
  const { gateway, kubernetes, records } = await following
  await follows(port, 'a')
  const load = await Load.start(port)
  t.after(() => load.stop())

  await t.test('an endpoint changes, then a rule, by apply and by patches', async () => {
    await kubectl.apply([sliceOf('one', b)])
    await follows(port, 'b')
    await kubectl.apply([sliceOf('one', a)])
    await follows(port, 'a')
    await kubectl.apply([routeTo('two')])
    await follows(port, 'b')
    const path = '/spec/tcp/0/route/0/destination/host'
    const operations = JSON.stringify([{ op: 'replace', path, value: 'one' }])
    await kubectl.do('patch', 'vs', 'all', '-n', 'shop', '--type=json', '-p', operations)
    await follows(port, 'a')
    const ports = JSON.stringify({ ports: [{ name: 'tcp', port: b, protocol: 'TCP' }] })
    await kubectl.do('patch', 'endpointslice', 'one-a', '-n', 'shop', '--type=merge', '-p', ports)
    await follows(port, 'b')
  })

  const listed = (): number => kubernetes.states.reduce((sum, { lists }) => sum + lists, 0)
  const before = listed()
  for (const round of [1, 2])
    await t.test(`the API server is killed, etcd compacted, and started again: ${round}`, async () => {
      // Revisions that quiet kinds have not heard of.
      const changed = [1, 2, 3].map(step => ({
        ...service('busy'),
        metadata: { ...service('busy').metadata, labels: { step: `${round}-${step}` } },
      }))
      for (const each of changed) await kubectl.apply([each])
      await cluster.killApi()
      await cluster.compact()
      ok(gateway.readiness().ready)
      await cluster.startApi()
      await kubectl.apply([routeTo('two'), sliceOf('two', round === 1 ? a : b)])
      await follows(port, round === 1 ? 'a' : 'b')
      const other = sliceOf('two', round === 1 ? b : a)
      await kubectl.apply([{ ...other, metadata: { ...other.metadata, name: 'two-b' } }])
      await kubectl.do('delete', '-n', 'shop', 'endpointslice', 'two-a')
      await follows(port, round === 1 ? 'b' : 'a')
      await kubectl.apply([sliceOf('two', b)])
      await kubectl.do('delete', '-n', 'shop', 'endpointslice', 'two-b')
      await kubectl.apply([routeTo('one'), sliceOf('one', a)])
      await follows(port, 'a')
    })

  ok(listed() > before, 'no list was asked for anew: nothing was told 410')
  await load.stop()
  deepEqual(load.lost, [])
  t.diagnostic(`${load.made} connections made, ${load.beats} answers to those that stayed`)
  t.diagnostic(
    kubernetes.states
      .map(
        ({ title, lists, watches, failures }) =>
          `${title}: ${lists} lists, ${watches} watches, ${failures} failures`,
      )
      .join('; '),
  )
  ok(load.made > 100)
  deepEqual(
    records.filter(({ level }) => level === 'error'),
    [],
  )
  ok(kubernetes.states.every(({ isSynced }) => isSynced))
  equal(gateway.readiness().ready, true)
})
