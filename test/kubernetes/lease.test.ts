/** Who of several replicas writes: a Lease that is taken, renewed, lost and let go. */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as after } from 'node:timers/promises'
import { objectKey } from '../../src/config/text/read-objects.ts'
import { Client } from '../../src/source/kubernetes/client.ts'
import { Lease, leaseName } from '../../src/source/kubernetes/lease.ts'
import { readObject } from '../../src/source/kubernetes/objects.ts'
import { Writer } from '../../src/source/kubernetes/writer.ts'
import { gateway, service, tcp, tcpRoute } from '../support/gateway-api.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { FakeApi } from './fake/server.ts'
import { Followed } from './followed.ts'
import { WEIR_CLASS } from './gateway-api.ts'
import { route } from './scene.ts'

const LEASE: KubeObject = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'weir-status', namespace: 'edge' },
}
/** Longer than any test. */
const LONG_MS = 600_000
const SHORT_MS = 200

async function apiOf(t: TestContext): Promise<FakeApi> {
  const api = await FakeApi.start({ crds: [...ISTIO_CRDS, ...GATEWAY_API_CRDS] })
  t.after(() => api.stop())
  return api
}

function clientOf(api: FakeApi, token?: string): Client {
  const bearer = token === undefined ? null : { token: async () => token, refused: () => {} }
  const server = new URL(api.url)
  return new Client({ server, namespace: 'edge', tls: () => ({}), bearer, title: 'fake' })
}

function leaseOf(t: TestContext, api: FakeApi, durationMs: number, token?: string): Lease {
  const client = clientOf(api, token)
  const lease = new Lease({ client, namespace: 'edge', name: 'weir-status', durationMs })
  t.after(async () => {
    await lease.close()
    client.close()
  })
  return lease
}

const specOf = (api: FakeApi) => api.get(LEASE).spec as Record<string, unknown>

test('of ten that ask at once one gets it, and the next when that one lets go', async t => {
  const api = await apiOf(t)
  const leases = Array.from({ length: 10 }, () => leaseOf(t, api, LONG_MS))
  const standings = await Promise.all(leases.map(each => each.take()))
  deepEqual(standings.toSorted(), ['held', ...Array.from({ length: 9 }, () => 'others')])
  const holder = leases[standings.indexOf('held')]
  ok(holder.isHeld)
  const rest = leases.filter(each => each !== holder)
  deepEqual(await rest[0].take(), 'others')
  const before = specOf(api)
  await holder.close()
  ok(!holder.isHeld)
  equal(specOf(api).holderIdentity, '')
  const next = await Promise.all(rest.map(each => each.take()))
  equal(next.filter(each => each === 'held').length, 1)
  ok(specOf(api).holderIdentity !== before.holderIdentity)
  equal(specOf(api).leaseTransitions, 1)
  ok(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(String(specOf(api).renewTime)))
})

test('a holder that the API hears no more is lost after its time, and stops before', async t => {
  const api = await apiOf(t)
  api.access.allowToken('a', { name: 'a' })
  api.access.allowToken('b', { name: 'b' })
  const a = leaseOf(t, api, SHORT_MS, 'a')
  const b = leaseOf(t, api, SHORT_MS, 'b')
  equal(await a.take(), 'held')
  equal(await b.take(), 'others')
  // Renewed, it stays.
  const renewals = () => api.requests.filter(each => each.verb === 'patch' && each.user === 'a').length
  while (renewals() < 4) await api.nextRequest
  equal(await b.take(), 'others')
  api.access.revokeToken('a')
  while ((await b.take()) !== 'held') await after(b.againMs)
  ok(!a.isHeld, 'two hold it')
  api.access.allowToken('a', { name: 'a' })
  equal(await a.take(), 'others')
})

test('a Lease that somebody else has written is held no more', async t => {
  const api = await apiOf(t)
  const lease = leaseOf(t, api, SHORT_MS * 6)
  equal(await lease.take(), 'held')
  const stored = api.get(LEASE)
  api.put({ ...stored, spec: { ...(stored.spec as object), holderIdentity: 'somebody' } })
  while ((await lease.take()) === 'held') await after(5)
  equal(await lease.take(), 'others')
  deepEqual(
    api.requests.filter(each => each.verb === 'patch').map(each => each.code),
    [409],
  )
})

test('without the right to Leases everybody may write', async t => {
  const api = await apiOf(t)
  api.access.allowToken('a', { name: 'a', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] })
  equal(await leaseOf(t, api, LONG_MS, 'a').take(), 'none')
})

test('who has no right to Leases and waits for its watch asks for the Lease once, and says so once', async t => {
  const api = await apiOf(t)
  const rules = [{ apiGroups: ['*'], resources: ['virtualservices/status'], verbs: ['patch'] }]
  api.access.allowToken('a', { name: 'a', rules })
  const client = clientOf(api, 'a')
  const stored = api.put(route('a'))
  const lookedAgain = Promise.withResolvers<void>()
  let looks = 0
  const troubles: string[] = []
  const writer = new Writer({
    client,
    spreadMs: 1,
    lease: new Lease({ client, namespace: 'edge', name: 'weir-status', durationMs: LONG_MS }),
    /** A watch that is broken: it never brings what was written. */
    find: () => {
      if (api.count('patch') > 0 && ++looks === 8) lookedAgain.resolve()
      return readObject(stored, 'VirtualService', 'networking.istio.io/v1')
    },
    onTrouble: text => troubles.push(text),
  })
  t.after(async () => {
    await writer.close()
    client.close()
  })
  const want = (reason: string): void => {
    const condition = { type: 'x', status: 'True', reason, message: '', observedGeneration: 1 }
    writer.want(new Map([['a', { generation: 1, status: { conditions: [condition] } }]]), [])
  }
  want('First')
  while (api.count('patch') === 0) await api.nextRequest
  want('Second')
  await lookedAgain.promise
  deepEqual(
    api.requests.map(each => `${each.verb} ${each.plural} ${each.code}`),
    ['get leases 403', 'patch virtualservices 200'],
  )
  deepEqual(troubles, ['no right to a Lease, so replicas may write status at once: weir rbac prints it'])
})

test('a right to Leases that comes later is seen', async t => {
  const api = await apiOf(t)
  api.access.allowToken('a', { name: 'a', rules: [] })
  const lease = leaseOf(t, api, SHORT_MS, 'a')
  equal(await lease.take(), 'none')
  api.access.allowToken('a', { name: 'a', rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] })
  while ((await lease.take()) === 'none') await after(SHORT_MS / 4)
  ok(lease.isHeld)
  ok(api.requests.length <= 4, `${api.requests.length} requests`)
})

test('gateways that read different resources have different Leases', () => {
  const names = [
    { namespaces: [], gatewaySelector: {}, gatewayClass: null },
    { namespaces: ['a', 'b'], gatewaySelector: {}, gatewayClass: null },
    { namespaces: [], gatewaySelector: { a: 'b' }, gatewayClass: null },
    { namespaces: [], gatewaySelector: {}, gatewayClass: 'b' },
  ].map(leaseName)
  equal(names[0], 'weir-status')
  equal(new Set(names).size, 4)
  equal(leaseName({ namespaces: ['b', 'a'], gatewaySelector: {}, gatewayClass: null }), names[1])
})

test('who loses the Lease while it writes stops there', async t => {
  const api = await apiOf(t)
  const client = clientOf(api)
  const objects = ['a', 'b', 'c'].map(name => api.put(route(name)))
  const find = (key: string) => {
    const stored = api.get(objects.find(each => each.metadata.name === key) as KubeObject)
    return readObject(stored, 'VirtualService', 'networking.istio.io/v1')
  }
  let takes = 0
  const asked = Promise.withResolvers<void>()
  const lease = {
    /** Lost with the first write. */
    get isHeld() {
      return api.count('patch') < 1
    },
    againMs: 1,
    async take() {
      if (++takes === 3) asked.resolve()
      return takes === 1 ? ('held' as const) : ('others' as const)
    },
    async close() {},
  }
  const writer = new Writer({ client, spreadMs: 1, find, lease })
  t.after(async () => {
    await writer.close()
    client.close()
  })
  const condition = { type: 'x', status: 'True', reason: 'x', message: '', observedGeneration: 1 }
  const wanted = { generation: 1, status: { conditions: [condition] } }
  writer.want(new Map(['a', 'b', 'c'].map(key => [key, wanted])), [])
  await asked.promise
  equal(api.count('patch'), 1)
})

test('ten replicas write each status once', async t => {
  const api = await apiOf(t)
  const first = tcpRoute('shop/first', { name: 'edge', sectionName: 'tcp-9000' }, ['db']) as KubeObject
  const served = [
    WEIR_CLASS,
    gateway('shop/edge', [tcp(9000), tcp(9001)]),
    first,
    tcpRoute('shop/second', { name: 'edge', sectionName: 'tcp-9001' }, ['db', 'gone']),
  ] as KubeObject[]
  for (const each of [...served, ...service('shop/db')]) api.put(each as KubeObject)
  const options = { settings: { status: true }, pace: { spreadMs: 1, leaseMs: 10_000 } }
  const replicas = await Promise.all(Array.from({ length: 10 }, () => Followed.of(api, options)))
  const closed = () => Promise.all(replicas.map(each => each.close()))
  t.after(closed)
  const writes = () => api.requests.filter(each => each.subresource === 'status')
  for (const each of replicas) each.report()
  while (!served.every(each => api.get(each).status)) await api.nextRequest
  equal(writes().length, served.length)

  const stored = api.get(first)
  const changed = tcpRoute('shop/first', { name: 'edge', sectionName: 'tcp-9000' }, ['gone'])
  api.put({ ...stored, spec: changed.spec as object })
  await Promise.all(
    replicas.map(async each => {
      await each.until(() => JSON.stringify(each.table.get(objectKey(first))).includes('"gone"'))
      each.report()
    }),
  )
  const isRefused = () => JSON.stringify(api.get(first).status).includes('BackendNotFound')
  while (!isRefused()) await api.nextRequest
  // Nothing differs: nothing is asked, and nothing is written.
  for (const each of replicas) each.report()
  await closed()
  deepEqual(
    writes().map(each => each.code),
    Array.from({ length: served.length + 1 }, () => 200),
  )
  equal(api.requests.filter(each => each.plural === 'leases' && each.code === 201).length, 1)
  const users = api.requests.filter(each => each.plural === 'leases' && each.verb === 'get').length
  ok(users >= 10, `${users} asked for the Lease`)
})
