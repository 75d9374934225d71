/** A take-over between gateways that follow a cluster. */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { Claim } from '../../src/control/take-over/claim.ts'
import { PROTOCOL } from '../../src/control/take-over/messages.ts'
import { missing } from '../../src/kernel/libc.ts'
import { ISTIO_CRDS } from '../kubernetes/fake/crds.ts'
import { FakeApi } from '../kubernetes/fake/server.ts'
import { gatewayFor, sceneOf } from '../kubernetes/gateway.ts'
import { edge, istio, routeTo, service, slice } from '../kubernetes/resources.ts'
import { freePort } from '../support/sockets.ts'
import { ask, echo } from './scene.ts'

/** More than the source waits before it tells of changed endpoints. */
const TOLD_MS = 150

test('a Secret that the cluster lacks is no reason not to take over', {
  skip: missing !== '' && `needs node:ffi: ${missing}`,
}, async t => {
  const a = await echo(t, 'a')
  const closed = istio('Gateway', 'closed', {
    servers: [
      {
        port: { number: await freePort(), name: 'tls', protocol: 'TLS' },
        hosts: ['a.example.com'],
        bind: '127.0.0.1',
        tls: { mode: 'SIMPLE', credentialName: 'none' },
      },
    ],
  })
  const first = await sceneOf(t, at => [edge(at), routeTo('echo'), service('echo'), slice('echo', a), closed])
  const { gateway } = gatewayFor(t, first.api.kubeconfig())
  ok(await gateway.read())
  const opened = first.gateway.offer.open(PROTOCOL)
  ok('socket' in opened, JSON.stringify(opened))
  const claim = Claim.connect(opened.socket)
  ok(typeof claim !== 'string', String(claim))
  equal(await claim.receive(gateway.places), '')
  equal(await gateway.serve(claim), '')
  equal(gateway.readiness().closed.length, 1)
  equal(await claim.serving(), '')
  await first.gateway.drain(0)
  equal(await ask(first.port), 'a test')
})

test('endpoints that change before anybody follows are told of at once when somebody does', async t => {
  const api = await FakeApi.start({ crds: ISTIO_CRDS })
  t.after(() => api.stop())
  for (const each of [service('echo'), slice('echo', 1)]) api.put(each)
  const { kubernetes } = gatewayFor(t, api.kubeconfig())
  ok(await kubernetes.begin())
  const { to } = kubernetes.current()
  api.put(slice('echo', 2))
  while (kubernetes.changedSince(to).length === 0) await after(2)
  const changed = kubernetes.changedSince(to)
  await after(TOLD_MS)
  const told = Promise.withResolvers<readonly string[]>()
  await kubernetes.follow(() => {}, told.resolve)
  deepEqual(await told.promise, changed)
})
