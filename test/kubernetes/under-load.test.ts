/** A gateway that follows a faulty API: it serves on, and no connection notices. */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { echo } from '../control/scene.ts'
import { sized } from '../support/full.ts'
import { freePort } from '../support/sockets.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import { FakeApi } from './fake/server.ts'
import { follows, gatewayOf } from './gateway.ts'
import { Load } from './load.ts'
import { edge, routeTo, service, slice } from './resources.ts'

test('faults of the API, one after another, under load', async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS] })
  t.after(() => api.stop())
  const port = await freePort()
  for (const each of [edge(port), routeTo('one'), service('one'), service('two')]) api.put(each)
  api.put(slice('one', a))
  api.put(slice('two', b))
  const { gateway, records } = await gatewayOf(t, api.kubeconfig())
  const load = await Load.start(port)
  t.after(() => load.stop())
  let isA = true
  /** A rule or an endpoint changes, and new connections go elsewhere. */
  const change = async (): Promise<void> => {
    isA = !isA
    api.put(isA ? slice('one', a) : slice('one', b))
    await follows(port, isA ? 'a' : 'b')
    api.put(routeTo('two'))
    await follows(port, 'b')
    api.put(routeTo('one'))
    await follows(port, isA ? 'a' : 'b')
  }
  await change()
  const faults: readonly (() => unknown)[] = [
    () => api.inject({}, { code: 500 }, 20),
    () => api.inject({}, { code: 429 }, 20),
    () => api.inject({ verb: 'watch' }, { half: true }, 10),
    () => api.inject({ verb: 'watch' }, { stream: { cutAfter: 0 } }, 10),
    () => api.inject({ verb: 'watch' }, { code: 410 }, 10),
    () => api.inject({}, { reset: true }, 20),
    () => api.compact(),
  ]
  for (const fault of faults.slice(0, sized(2, faults.length))) {
    fault()
    for (const each of api.watches) each.cut(true)
    await change()
  }
  await api.stop()
  ok(gateway.readiness().ready)
  api.put(slice('one', b))
  api.compact()
  await api.listen()
  await follows(port, 'b')
  await load.stop()
  deepEqual(load.lost, [])
  ok(load.made > 20 && load.beats > 100, `${load.made} made, ${load.beats} beats`)
  const errors = records.filter(({ level }) => level === 'error')
  deepEqual(errors, [])
  equal(gateway.readiness().ready, true)
})
