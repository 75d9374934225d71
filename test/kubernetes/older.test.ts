/** A gateway beside older servers. */

import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { echo } from '../control/scene.ts'
import { freePort } from '../support/sockets.ts'
import { ISTIO_CRDS } from './fake/crds.ts'
import { FakeApi } from './fake/server.ts'
import { edge, follows, gatewayOf, routeTo, service, slice } from './gateway.ts'

test('EndpointSlices of v1beta1, as servers before Kubernetes 1.21 have them', async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const versions = { 'discovery.k8s.io': ['v1beta1'] }
  const api = await FakeApi.start({ crds: ISTIO_CRDS, hasWatchList: false, versions })
  t.after(() => api.stop())
  const port = await freePort()
  for (const each of [edge(port), routeTo('one'), service('one'), slice('one', a, 'v1beta1')]) api.put(each)
  const { gateway, records } = await gatewayOf(t, api.kubeconfig())
  await follows(port, 'a')
  api.put(routeTo('two'))
  api.put(service('two'))
  api.put(slice('two', b, 'v1beta1'))
  await follows(port, 'b')
  api.put(slice('two', a, 'v1beta1'))
  await follows(port, 'a')
  equal(
    records.some(({ msg }) => msg.includes('CFG105')),
    false,
  )
  equal(gateway.readiness().ready, true)
})
