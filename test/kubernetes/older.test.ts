/** A gateway beside older servers. */

import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { echo } from '../control/scene.ts'
import { follows, sceneOf } from './gateway.ts'
import { edge, routeTo, service, slice } from './resources.ts'

test('EndpointSlices of v1beta1, as servers before Kubernetes 1.21 have them', async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const api = { hasWatchList: false, versions: { 'discovery.k8s.io': ['v1beta1'] } }
  const old = (name: string, to: number) => slice(name, to, { version: 'v1beta1' })
  const objects = (port: number) => [edge(port), routeTo('one'), service('one'), old('one', a)]
  const { api: cluster, port, gateway, records } = await sceneOf(t, objects, { api })
  await follows(port, 'a')
  cluster.put(routeTo('two'))
  cluster.put(service('two'))
  cluster.put(old('two', b))
  await follows(port, 'b')
  cluster.put(old('two', a))
  await follows(port, 'a')
  equal(
    records.some(({ msg }) => msg.includes('CFG105')),
    false,
  )
  equal(gateway.readiness().ready, true)
})
