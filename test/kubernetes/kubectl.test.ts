/** The fake API server can be trusted: kubectl, which knows nothing of it, works with it. */

import { deepEqual, equal, match } from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Authority } from '../support/authority.ts'
import { fullOnly } from '../support/full.ts'
import { crd, ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { FakeApi } from './fake/server.ts'
import { Kubectl, noKubectl } from './kubectl.ts'

const skip = noKubectl || fullOnly

let api: FakeApi
let kubectl: Kubectl

before(async () => {
  api = await FakeApi.start({ crds: ISTIO_CRDS })
  kubectl = new Kubectl(api.kubeconfig())
})

after(async () => {
  kubectl.close()
  await api.stop()
})

const SERVICE = 'virtualservice.networking.istio.io'

const route = (name: string, host: string, labels = {}): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace: 'default', labels },
  spec: { hosts: [host], tcp: [{ route: [{ destination: { host: 'mongo', port: { number: 27017 } } }] }] },
})

const hostOf = (object: KubeObject): string => (object.spec as { hosts: string[] }).hosts[0]

test('get, apply and patch of a custom resource', { skip: noKubectl }, async () => {
  equal(await kubectl.apply([route('first', 'a.example')]), `${SERVICE}/first created\n`)
  equal(await kubectl.apply([route('first', 'a.example')]), `${SERVICE}/first unchanged\n`)
  equal(await kubectl.apply([route('first', 'b.example')]), `${SERVICE}/first configured\n`)
  const stored = await kubectl.get('vs', 'first')
  equal(hostOf(stored), 'b.example')
  equal(stored.metadata.generation, 2)
  deepEqual(api.get(stored), stored)

  const merge = { spec: { hosts: ['c.example'] } }
  await kubectl.do('patch', 'vs', 'first', '--type=merge', '-p', JSON.stringify(merge))
  equal(hostOf(api.get(stored)), 'c.example')
  const operations = [{ op: 'replace', path: '/spec/hosts/0', value: 'd.example' }]
  await kubectl.do('patch', 'vs', 'first', '--type=json', '-p', JSON.stringify(operations))
  equal(hostOf(api.get(stored)), 'd.example')
})

test('a strategic merge patch is for kinds of Kubernetes itself', { skip }, async () => {
  const ports = [
    { name: 'a', port: 80 },
    { name: 'b', port: 90 },
  ]
  api.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'mongo', namespace: 'default' },
    spec: { ports },
  })
  const patch = { spec: { ports: [{ port: 90, name: 'c' }] } }
  await kubectl.do('patch', 'service', 'mongo', '-p', JSON.stringify(patch))
  const { spec } = await kubectl.get('service', 'mongo')
  deepEqual((spec as { ports: object[] }).ports, [
    { name: 'a', port: 80 },
    { name: 'c', port: 90 },
  ])

  api.put(route('whole', 'a.example'))
  match(await kubectl.refusal('patch', 'vs', 'whole', '-p', '{"spec":{}}'), /is not supported/)
})

test('watch', { skip }, async () => {
  api.put(route('seen', 'a.example', { app: 'seen' }))
  const lines = kubectl.lines(
    'get',
    'vs',
    '-A',
    '-l',
    'app=seen',
    '--watch',
    '--output-watch-events',
    '-o',
    'jsonpath={.type} {.object.metadata.name} {.object.spec.hosts[0]}{"\\n"}',
  )
  const next = async (): Promise<string> => (await lines.next()).value
  equal(await next(), 'ADDED seen a.example')
  api.put(route('seen', 'b.example', { app: 'seen' }))
  equal(await next(), 'MODIFIED seen b.example')
  api.put(route('unseen', 'b.example', { app: 'other' }))
  api.put(route('seen', 'b.example', { app: 'other' }))
  equal(await next(), 'DELETED seen b.example')
  api.put(route('seen', 'c.example', { app: 'seen' }))
  equal(await next(), 'ADDED seen c.example')
  await kubectl.do('delete', 'vs', 'seen')
  equal(await next(), 'DELETED seen c.example')
})

test('lists come in pages', { skip }, async () => {
  const names = Array.from({ length: 25 }, (_, index) => `paged-${String(index).padStart(2, '0')}`)
  for (const each of names) api.put(route(each, 'a.example', { app: 'paged' }))
  const before = api.count('list')
  const printed = await kubectl.do('get', 'vs', '-l', 'app=paged', '--chunk-size=10', '-o', 'name')
  deepEqual(
    printed.trim().split('\n'),
    names.map(each => `${SERVICE}/${each}`),
  )
  equal(api.count('list') - before, 3)
})

test('server-side apply: fields belong to their managers', { skip }, async () => {
  const apply = (host: string, ...words: string[]): Promise<string> =>
    kubectl.apply([route('owned', host)], '--server-side', ...words)
  await apply('a.example', '--field-manager=one')
  const other = kubectl.file([route('owned', 'b.example')])
  const conflict = kubectl.refusal('apply', '-f', other, '--server-side', '--field-manager=two')
  match(await conflict, /conflict with "one": \.spec\.hosts/)
  await apply('b.example', '--field-manager=two', '--force-conflicts')
  equal(hostOf(await kubectl.get('vs', 'owned')), 'b.example')

  // What a manager says no more goes, unless another one says it, too.
  const { spec, ...bare } = route('owned', '')
  await kubectl.apply([bare as KubeObject], '--server-side', '--field-manager=one')
  equal(hostOf(await kubectl.get('vs', 'owned')), 'b.example')
  await kubectl.apply([bare as KubeObject], '--server-side', '--field-manager=two')
  equal((await kubectl.get('vs', 'owned')).spec, undefined)
})

test('the status is written at its own path', { skip }, async () => {
  api.put(route('told', 'a.example'))
  const patch = JSON.stringify({ status: { told: true }, spec: { hosts: ['lost.example'] } })
  await kubectl.do('patch', 'vs', 'told', '--type=merge', '-p', patch, '--subresource=status')
  const told = await kubectl.get('vs', 'told')
  deepEqual(told.status, { told: true })
  equal(hostOf(told), 'a.example')
  equal(told.metadata.generation, 1)
  await kubectl.do('patch', 'vs', 'told', '--type=merge', '-p', '{"status":{"told":false}}')
  deepEqual((await kubectl.get('vs', 'told')).status, { told: true })

  const old = { ...told, metadata: { ...told.metadata, resourceVersion: '1001' } }
  match(await kubectl.refusal('replace', '-f', kubectl.file([old])), /the object has been modified/)
})

test('a kind is there once it is defined, and gone with its definition', { skip }, async () => {
  const thing = {
    apiVersion: 'example.com/v1',
    kind: 'Thing',
    metadata: { name: 'one', namespace: 'default' },
  }
  match(await kubectl.refusal('get', 'things'), /doesn't have a resource type "things"/)
  const definition = crd({ kind: 'Thing', plural: 'things' }, { group: 'example.com', versions: ['v1'] })
  await kubectl.apply([definition])
  await kubectl.do('wait', '--for=condition=established', 'crd/things.example.com', '--timeout=60s')
  equal(await kubectl.apply([thing]), 'thing.example.com/one created\n')
  equal(await kubectl.do('get', 'things', '-o', 'name'), 'thing.example.com/one\n')
  await kubectl.do('delete', 'crd', 'things.example.com')
  match(await kubectl.refusal('get', '--raw', '/apis/example.com/v1/things'), /NotFound|could not find/)
})

test('discovery as older servers have it', { skip }, async () => {
  const old = await FakeApi.start({ crds: ISTIO_CRDS, hasAggregatedDiscovery: false })
  const client = new Kubectl(old.kubeconfig())
  try {
    const printed = await client.do('api-resources', '--api-group=networking.istio.io', '-o', 'name')
    match(printed, /^virtualservices\.networking\.istio\.io$/m)
    equal(await client.apply([route('first', 'a.example')]), `${SERVICE}/first created\n`)
  } finally {
    client.close()
    await old.stop()
  }
})

test('TLS, tokens and client certificates', { skip }, async () => {
  const authority = new Authority()
  const clients = new Authority('clients')
  const { cert, key } = authority.issue({ names: ['127.0.0.1'] })
  const secure = await FakeApi.start({ tls: { cert, key, clients: clients.cert } })
  secure.access.allowToken('secret', { name: 'by-token' })
  secure.access.allowCertificate('by-certificate', { name: 'by-certificate' })
  const reads = [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['services'] }]
  secure.access.allowToken('reader', { name: 'reader', rules: reads })
  const issued = clients.issue({ names: ['client'], common: 'by-certificate' })
  const opened: Kubectl[] = []
  const as = (credentials: Parameters<FakeApi['kubeconfig']>[0]): Kubectl => {
    const client = new Kubectl(secure.kubeconfig({ authority: authority.cert, ...credentials }))
    opened.push(client)
    return client
  }
  try {
    await as({ token: 'secret' }).do('get', 'services')
    await as(issued).do('get', 'services')
    deepEqual([...new Set(secure.requests.map(each => each.user))], ['by-token', 'by-certificate'])
    match(await as({ token: 'wrong' }).refusal('get', 'services'), /logged in|Unauthorized/)
    await as({ token: 'reader' }).do('get', 'services')
    match(await as({ token: 'reader' }).refusal('get', 'pods'), /cannot list resource "pods"/)
  } finally {
    for (const each of opened) each.close()
    await secure.stop()
  }
})
