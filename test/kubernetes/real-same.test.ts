/** The fake API server answers as the real one does, where its answers decide what weir does. */

import { deepEqual } from 'node:assert/strict'
import { request } from 'node:https'
import { after, before, test } from 'node:test'
import { Authority } from '../support/authority.ts'
import { fullOnly } from '../support/full.ts'
import { GATEWAY_API_CRDS, ISTIO_CRDS } from './fake/crds.ts'
import { FakeApi } from './fake/server.ts'
import { Kubectl, noKubectl } from './kubectl.ts'
import { Cluster, noCluster } from './real/cluster.ts'

const skip = noCluster || noKubectl || fullOnly
const CRDS = [...ISTIO_CRDS, ...GATEWAY_API_CRDS]

interface Side {
  readonly url: string
  readonly authority: string
  readonly token: string
  compact(): Promise<void> | void
}

let cluster: Cluster
let fake: FakeApi
let sides: readonly Side[]

before(async () => {
  if (skip) return
  cluster = await Cluster.start()
  const kubectl = new Kubectl(cluster.kubeconfig())
  await kubectl.apply(CRDS)
  await kubectl.do('wait', '--for=condition=established', '--timeout=60s', 'crd', '--all')
  kubectl.close()

  const authority = new Authority()
  // Of the version that this was written with.
  const options = { hasWatchList: false, without: ['events.k8s.io'], crds: CRDS }
  fake = await FakeApi.start({ ...options, tls: authority.issue({ names: ['127.0.0.1'] }) })
  fake.access.allowToken('admin-token', { name: 'admin' })
  sides = [
    {
      url: cluster.server,
      authority: cluster.authority,
      token: 'admin-token',
      compact: () => cluster.compact(),
    },
    { url: fake.url, authority: authority.cert, token: 'admin-token', compact: () => fake.compact() },
  ]
})

after(async () => {
  await cluster?.stop()
  await fake?.stop()
})

type Told = { code: number; body: Body }
type Body = {
  kind?: string
  code?: number
  reason?: string
  items?: unknown[]
  metadata?: { resourceVersion?: string; continue?: string; generation?: number; name?: string }
  status?: unknown
  spec?: unknown
  [field: string]: unknown
}

async function ask(side: Side, path: string, method = 'GET', body?: object, type = 'application/json') {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; text: string }>()
  const headers = { authorization: `Bearer ${side.token}`, 'content-type': type }
  request(side.url + path, { method, headers, ca: side.authority, agent: false }, response => {
    let text = ''
    response.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    response.on('end', () => resolve({ code: response.statusCode ?? 0, text }))
  })
    .on('error', reject)
    .end(body && JSON.stringify(body))
  return promise
}

async function tell(side: Side, ...words: [string, string?, object?, string?]): Promise<Told> {
  const { code, text } = await ask(side, ...words)
  return { code, body: text.startsWith('{') ? JSON.parse(text) : {} }
}

async function watched(side: Side, path: string): Promise<[string, unknown][]> {
  const { text } = await ask(side, path)
  const events = text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
  return events.map(({ type, object }) => [
    type,
    type === 'ERROR' ? [object.code, object.reason] : object.metadata.name,
  ])
}

/** Does the same with both: their answers have to be equal. */
function same(title: string, scenario: (side: Side) => Promise<unknown>): void {
  test(title, { skip }, async () => {
    const [real, ours] = await Promise.all(sides.map(scenario))
    deepEqual(ours, real)
  })
}

const ROUTES = '/apis/networking.istio.io/v1/namespaces/default/virtualservices'
const route = (name: string, host = 'a.example') => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace: 'default' },
  spec: { hosts: [host] },
})
const outcome = ({ code, body: { kind, reason } }: Told): unknown => [code, kind, reason]

same('what is not there', async side => {
  const paths = [
    '/apis/nope.example/v1/things',
    '/apis/networking.istio.io/v9/virtualservices',
    `${ROUTES}/none`,
  ]
  return Promise.all(paths.map(async path => (await tell(side, path)).code))
})

same('writes: created, there already, changed, outdated', async side => {
  const made = await tell(side, ROUTES, 'POST', route('written'))
  const again = await tell(side, ROUTES, 'POST', route('written'))
  const changed = await tell(side, `${ROUTES}/written`, 'PUT', {
    ...route('written', 'b.example'),
    metadata: { name: 'written', namespace: 'default', resourceVersion: made.body.metadata?.resourceVersion },
  })
  const outdated = await tell(side, `${ROUTES}/written`, 'PUT', {
    ...route('written', 'c.example'),
    metadata: { name: 'written', namespace: 'default', resourceVersion: made.body.metadata?.resourceVersion },
  })
  const gone = await tell(side, `${ROUTES}/written`, 'DELETE')
  return [
    outcome(made),
    outcome(again),
    outcome(changed),
    changed.body.metadata?.generation,
    outcome(outdated),
    outcome(gone),
  ]
})

same('patches, and the status path', async side => {
  await tell(side, ROUTES, 'POST', route('patched'))
  const one = `${ROUTES}/patched`
  const merge = 'application/merge-patch+json'
  const spec = await tell(
    side,
    one,
    'PATCH',
    { spec: { hosts: ['b.example'] }, status: { lost: true } },
    merge,
  )
  const status = await tell(side, `${one}/status`, 'PATCH', { status: { a: 1 }, spec: { hosts: [] } }, merge)
  const same = await tell(side, `${one}/status`, 'PATCH', { status: { a: 1 } }, merge)
  const strategic = await tell(side, one, 'PATCH', {}, 'application/strategic-merge-patch+json')
  const outdated = { metadata: { resourceVersion: spec.body.metadata?.resourceVersion }, status: { a: 2 } }
  const conflict = await tell(side, `${one}/status`, 'PATCH', outdated, merge)
  return [
    [spec.body.spec, spec.body.status, spec.body.metadata?.generation],
    [status.body.spec, status.body.status, status.body.metadata?.generation],
    same.body.metadata?.resourceVersion === status.body.metadata?.resourceVersion,
    outcome(strategic),
    outcome(conflict),
  ]
})

same('server-side apply of a status', async side => {
  await tell(side, ROUTES, 'POST', route('applied'))
  const path = `${ROUTES}/applied/status`
  const apply = (manager: string, conditions: object[], force = false) =>
    tell(
      side,
      `${path}?fieldManager=${manager}&force=${force}`,
      'PATCH',
      { ...route('applied'), spec: undefined, status: { conditions } },
      'application/apply-patch+yaml',
    )
  const first = await apply('one', [{ type: 'Accepted', status: 'True' }])
  const again = await apply('one', [{ type: 'Accepted', status: 'True' }])
  const other = await apply('two', [{ type: 'Accepted', status: 'False' }])
  const forced = await apply('two', [{ type: 'Accepted', status: 'False' }], true)
  const none = await tell(
    side,
    `${ROUTES}/none/status?fieldManager=a`,
    'PATCH',
    { ...route('none'), status: {} },
    'application/apply-patch+yaml',
  )
  return [
    [outcome(first), first.body.status, first.body.spec],
    first.body.metadata?.resourceVersion === again.body.metadata?.resourceVersion,
    outcome(other),
    [outcome(forced), forced.body.status],
    none.code,
  ]
})

same('lists in pages, and their end by compaction', async side => {
  const path = '/apis/networking.istio.io/v1beta1/serviceentries'
  const entry = (name: string) => ({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'default' },
    spec: { hosts: [name] },
  })
  const inDefault = path.replace('serviceentries', 'namespaces/default/serviceentries')
  for (const name of ['a', 'b', 'c', 'd']) await tell(side, inDefault, 'POST', entry(name))
  const first = await tell(side, `${path}?limit=2`)
  await tell(side, `${inDefault}/d`, 'DELETE')
  const next = `${path}?limit=2&continue=${first.body.metadata?.continue}`
  const second = await tell(side, next)
  await tell(side, inDefault, 'POST', entry('e'))
  await side.compact()
  const third = await tell(side, next)
  const version = first.body.metadata?.resourceVersion
  // What is newer, a real server may still know from its watch cache.
  const old = await watched(side, `${path}?watch=1&resourceVersion=1&timeoutSeconds=2`)
  const names = (told: Told) =>
    (told.body.items as { metadata: { name: string } }[]).map(each => each.metadata.name)
  return [
    [names(first), names(second)],
    version === second.body.metadata?.resourceVersion,
    outcome(third),
    old,
  ]
})

same('watches: continued, selecting, as a list refused, beyond the present', async side => {
  const path = '/api/v1/namespaces/default/services'
  const service = (name: string, app: string) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels: { app } },
    spec: { ports: [{ port: 80 }] },
  })
  const made = await tell(side, path, 'POST', service('x', 'one'))
  const from = made.body.metadata?.resourceVersion
  const labels = { metadata: { labels: { app: 'two' } } }
  await tell(side, `${path}/x`, 'PATCH', labels, 'application/strategic-merge-patch+json')
  await tell(side, `${path}/x`, 'DELETE')
  const all = await watched(side, `${path}?watch=1&resourceVersion=${from}&timeoutSeconds=1`)
  const selected = `labelSelector=app%3Done&resourceVersion=${from}&timeoutSeconds=1`
  const one = await watched(side, `${path}?watch=1&${selected}`)
  const listed = await tell(
    side,
    `${path}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1`,
  )
  const ahead = await tell(side, `${path}?resourceVersion=99999999`)
  return [all, one, outcome(listed), outcome(ahead)]
})

same('whoever is not known', async side => {
  const stranger = { ...side, token: 'wrong' }
  return outcome(await tell(stranger, '/api/v1/services'))
})
