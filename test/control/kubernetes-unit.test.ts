/**
 * That the unit of a cluster is the resource, and an outage one trouble: what waits for what, what
 * is compiled, and what the log says of it.
 */

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { ISTIO_CRDS } from '../kubernetes/fake/crds.ts'
import type { KubeObject } from '../kubernetes/fake/object.ts'
import { FakeApi } from '../kubernetes/fake/server.ts'
import { gatewayFor, gatewayOf, sceneOf } from '../kubernetes/gateway.ts'
import { edge, istio, pod, routeTo, secret, service, slice } from '../kubernetes/resources.ts'
import { Authority } from '../support/authority.ts'
import { freePort } from '../support/sockets.ts'
import { ask, echo } from './scene.ts'

const basic = (to: number) => (at: number) => [edge(at), routeTo('echo'), service('echo'), slice('echo', to)]

/** A Gateway beside the others, whose server asks for this certificate. */
const terminating = (port: number, name: string, credentialName: string): KubeObject =>
  istio('Gateway', name, {
    servers: [
      {
        port: { number: port, name: 'tls', protocol: 'TLS' },
        hosts: [`${name}.example.com`],
        bind: '127.0.0.1',
        tls: { mode: 'SIMPLE', credentialName },
      },
    ],
  })

test('an API server that is away is one warning, and one line when it is back', async t => {
  const a = await echo(t, 'a')
  const { api, kubernetes, logged, records } = await sceneOf(t, basic(a), { gatherMs: 500 })
  const from = records.length
  await api.stop()
  await logged('what was known stays', from)
  const states = () => kubernetes.states.filter(each => each.trouble !== '')
  while (states().length < kubernetes.states.filter(each => each.phase !== 'absent').length) await after(2)
  await api.listen()
  const { kinds, msg } = await logged('is followed again', from)
  match(msg, /^the cluster is followed again after [\d.]+ s: \w.* and \d+ others$/)
  ok((kinds as string[]).length >= kubernetes.states.filter(each => each.phase === 'watching').length)
  const told = records.slice(from).filter(({ level, msg }) => level === 'warn' || msg.includes('follow'))
  deepEqual(
    told.map(each => each.level),
    ['warn', 'info'],
  )
})

test('a start that waits for the API says for what, to probes and to people', async t => {
  const api = await FakeApi.start({ crds: ISTIO_CRDS })
  const { port } = new URL(api.url)
  t.after(() => api.stop())
  await api.stop()
  const { gateway, logged } = gatewayFor(t, api.kubeconfig())
  const reading = gateway.read()
  await logged('nothing is served before it is known')
  const { ready, why, awaits } = gateway.readiness()
  deepEqual([ready, why], [false, 'awaits-kubernetes'])
  match(
    awaits,
    new RegExp(
      `^waiting for the Kubernetes API \\(.* and 15 more\\): connect ECONNREFUSED 127.0.0.1:${port}$`,
    ),
  )
  await api.listen()
  ok(await reading)
  equal(gateway.readiness().awaits, '')
})

test('what else a Pod says than who it is, is not counted; who it is makes a revision of clients', async t => {
  const a = await echo(t, 'a')
  const one = pod('one', { app: 'one' })
  const asking = istio('VirtualService', 'never', {
    hosts: ['*'],
    gateways: ['edge'],
    tcp: [
      {
        match: [{ sourceLabels: { app: 'none' } }],
        route: [{ destination: { host: 'echo', port: { number: 80 } } }],
      },
    ],
  })
  const { api, gateway, kubernetes, logged, records } = await sceneOf(t, at => [...basic(a)(at), asking, one])
  const pods = () => kubernetes.states.find(each => each.kind === 'Pod')?.objects
  const from = records.length
  api.put({ ...one, status: { ...Object(one.status), conditions: [{ type: 'Ready', status: 'True' }] } })
  api.put({ ...pod('two', { app: 'two' }), status: { phase: 'Pending' } })
  while (pods() !== 2) await after(2)
  api.put({ ...pod('two', { app: 'two' }), status: { phase: 'Running', podIP: '127.0.0.2' } })
  await logged('clients revision 1', from)
  deepEqual([gateway.serving?.generation, gateway.history.reloads.length], [1, 1])
  deepEqual(records.slice(from).filter(({ msg }) => msg.includes('revision')).length, 1)
})

test('more Secrets than are watched are asked for one by one, and followed all the same', async t => {
  const a = await echo(t, 'a')
  const names = ['one', 'two', 'three', 'four']
  const tls = await freePort()
  const { api, kubernetes, logged } = await sceneOf(
    t,
    at => [...basic(a)(at), ...names.map(each => terminating(tls, each, each)), secret('four')],
    { pace: { watchedMax: 3, pollMs: 10 } },
  )
  equal(api.watchesOf('secrets').length, 3)
  await logged('more than')
  const polled = () => kubernetes.states.find(each => each.title === 'Secret (polled)')
  ok(polled()?.isSynced)
  const found = (name: string) => [...kubernetes.all()].some(([key]) => key === ` Secret shop/${name}`)
  const there = names.filter(found)
  deepEqual(there, ['four'])
  for (const each of names) api.put(secret(each, { 'tls.crt': 'YQ==' }))
  while (!names.every(found)) await api.nextRequest
  for (const each of names) api.remove(secret(each))
  while (names.some(found)) await api.nextRequest
})

test('Secrets that nothing needs any more are given up, unless a last good version may need them', async t => {
  const a = await echo(t, 'a')
  const tls = await freePort()
  const named = (name: string) => terminating(tls, 'tls', name)
  const secrets = ['one', 'two', 'three'].map(each => secret(each, { 'tls.crt': 'YQ==' }))
  const { api, kubernetes, logged, records } = await sceneOf(
    t,
    at => [...basic(a)(at), named('one'), ...secrets],
    {
      pace: { watchedMax: 2, pollMs: 10 },
    },
  )
  const found = () =>
    [...kubernetes.all()].flatMap(([key]) => /^ Secret shop\/(.*)/.exec(key)?.[1] ?? []).join()
  const titles = () => kubernetes.states.filter(each => each.kind === 'Secret').map(each => each.title)
  deepEqual([found(), titles()], ['one', ['Secret shop/one', 'Secret shop/one-cacert']])
  api.put(named('two')) // polled, as both watches are taken
  while (found() !== 'two') await after(2)
  deepEqual(titles(), ['Secret (polled)'])
  api.put(named('three')) // watched: there is room again
  while (found() !== 'three') await after(2)
  deepEqual(titles(), ['Secret shop/three', 'Secret shop/three-cacert', 'Secret (polled)'])

  const from = records.length
  const { spec, ...rest } = named('one')
  api.put({ ...rest, spec: { ...Object(spec), wrong: 1 } })
  await logged('Gateway shop/tls', from)
  while (found() !== 'three,one' && found() !== 'one,three') await after(2)
  ok(titles().includes('Secret shop/three'))
})

test('a Secret that fails at the start holds up its own server, and no other for long', async t => {
  const a = await echo(t, 'a')
  const [port, tls] = [await freePort(), await freePort()]
  const api = await FakeApi.start({ crds: ISTIO_CRDS })
  t.after(() => api.stop())
  const { cert, key } = new Authority('test').issue({ names: ['tls.example.com'] })
  const [own, ownKey] = [cert, key].map(each => Buffer.from(each).toString('base64'))
  for (const each of [...basic(a)(port), terminating(tls, 'tls', 'cert')]) api.put(each)
  api.put(secret('cert', { 'tls.crt': own, 'tls.key': ownKey }))
  const failing = api.inject({ resource: 'secrets' }, { code: 500 }, 1e9)

  const patient = gatewayFor(t, api.kubeconfig(), { pace: { holdMs: 1e9 } })
  const reading = patient.gateway.read()
  await patient.logged('what asks for it stays closed')
  equal(patient.gateway.readiness().why, 'awaits-kubernetes')
  match(patient.gateway.readiness().awaits, /\(Secret shop\/cert and \d+ more\): 500/)
  await patient.gateway.stop()
  equal(await reading, false)

  const { gateway, logged } = await gatewayOf(t, api.kubeconfig(), { engine: 'epoll', pace: { holdMs: 0 } })
  equal(await ask(port), 'a test')
  const { ready, closed } = gateway.readiness()
  deepEqual([ready, closed.map(each => each.server)], [true, ['Gateway shop/tls servers[0]']])
  api.remove(routeTo('echo'))
  while ((await ask(port)) !== '') await after(2)
  failing.remove()
  await logged('its certificate can be used now')
  deepEqual(gateway.readiness().closed, [])
})

test('Secrets without a right to them, missing ones and impossible names hold up nothing else', async t => {
  const [a, b] = [await echo(t, 'a'), await echo(t, 'b')]
  const { api, port, logged } = await sceneOf(t, basic(a), { engine: 'epoll' })
  const tls = await freePort()
  api.inject({ resource: 'secrets' }, { code: 403 }, 1e9)
  api.put(terminating(tls, 'forbidden', 'cert'))
  await logged('Secret shop/cert')
  api.put(slice('echo', b))
  // It changes what is served: one that does not, and comes by itself, makes no generation.
  const trafficPolicy = { connectionPool: { tcp: { connectTimeout: '7s' } } }
  api.put(istio('DestinationRule', 'echo', { host: 'echo', trafficPolicy }))
  await logged('added DestinationRule shop/echo')
  equal(await ask(port), 'b test')
  api.clearFaults()
  api.put(terminating(tls, 'missing', 'none'))
  await logged('Secret shop/none')
  api.put(terminating(tls, 'impossible', 'a,b'))
  await logged('Secret shop/a,b')
  api.remove(routeTo('echo'))
  while ((await ask(port)) !== '') await after(2)
})
