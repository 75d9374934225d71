/** The parts of the fake API server that kubectl does not show: how watches end, and faults. */

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { turn } from '../support/turn.ts'
import { ISTIO_CRDS } from './fake/crds.ts'
import type { KubeObject } from './fake/object.ts'
import { FakeApi } from './fake/server.ts'

let api: FakeApi
before(async () => {
  api = await FakeApi.start({ crds: ISTIO_CRDS })
})
afterEach(() => api.clearFaults())
after(() => api.stop())

const SERVICES = '/api/v1/namespaces/default/services'

const service = (name: string, port = 80): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default' },
  spec: { ports: [{ port }] },
})

interface Line {
  readonly type: string
  readonly object: KubeObject & { readonly code?: number; readonly reason?: string }
}

/** The lines of a watch until it ends, however it ends. */
async function* watch(query: string, path = SERVICES): AsyncGenerator<Line> {
  const response = await fetch(`${api.url}${path}?watch=1&${query}`)
  let rest = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() as string
    for (const line of lines) yield JSON.parse(line) as Line
  }
}

const typesOf = (lines: readonly Line[]): string[] => lines.map(({ type }) => type)
const revision = (): string => String(api.store.revision)
const get = (path: string, headers = {}): Promise<Response> => fetch(api.url + path, { headers })

test('a watch continues from a revision, and ends after timeoutSeconds with a bookmark', async () => {
  api.put(service('a'))
  const from = revision()
  api.put(service('a', 81))
  api.remove(service('a'))
  const query = `resourceVersion=${from}&timeoutSeconds=0.05&allowWatchBookmarks=true`
  const lines = await Array.fromAsync(watch(query))
  deepEqual(typesOf(lines), ['MODIFIED', 'DELETED', 'BOOKMARK'])
  equal(lines[2].object.metadata.resourceVersion, revision())
  deepEqual(typesOf(await Array.fromAsync(watch(`resourceVersion=${from}&timeoutSeconds=0.05`))), [
    'MODIFIED',
    'DELETED',
  ])
})

test('a list as a watch: what there is, then a bookmark that says so', async () => {
  api.put(service('a'))
  api.put(service('b'))
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const lines = watch(query)
  const next = async (): Promise<Line> => (await lines.next()).value as Line
  deepEqual(
    [await next(), await next()].map(({ object }) => object.metadata.name),
    ['a', 'b'],
  )
  const bookmark = await next()
  equal(bookmark.type, 'BOOKMARK')
  equal(bookmark.object.metadata.annotations?.['k8s.io/initial-events-end'], 'true')
  api.put(service('b', 81))
  equal((await next()).type, 'MODIFIED')
  await lines.return(undefined)

  const old = await FakeApi.start({ hasWatchList: false })
  equal((await fetch(`${old.url}${SERVICES}?watch=1&${query}`)).status, 422)
  await old.stop()
})

test('history that is compacted: an ERROR in the watch, a 410 for the next page', async () => {
  api.put(service('a'))
  api.put(service('b'))
  const from = revision()
  const first = (await (await get(`${SERVICES}?limit=1`)).json()) as { metadata: { continue: string } }
  api.put(service('c'))
  api.compact()
  const lines = await Array.fromAsync(watch(`resourceVersion=${from}`))
  deepEqual(typesOf(lines), ['ERROR'])
  equal(lines[0].object.code, 410)
  equal((await get(`${SERVICES}?limit=1&continue=${first.metadata.continue}`)).status, 410)
  equal((await get(`${SERVICES}?resourceVersion=99999999`)).status, 504)
})

test('pages show what the first one found', async () => {
  for (const name of ['a', 'b', 'c']) api.put(service(name))
  type List = { items: KubeObject[]; metadata: { continue?: string; resourceVersion: string } }
  const first = (await (await get(`${SERVICES}?limit=2`)).json()) as List
  api.remove(service('c'))
  const second = (await (await get(`${SERVICES}?limit=2&continue=${first.metadata.continue}`)).json()) as List
  deepEqual(
    second.items.map(each => each.metadata.name),
    ['c'],
  )
  equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
  equal(second.metadata.continue, undefined)
})

test('faults of requests', async () => {
  api.inject({ verb: 'list', resource: 'services' }, { code: 429, retryAfterSeconds: 3 })
  const limited = await get(SERVICES)
  deepEqual([limited.status, limited.headers.get('retry-after')], [429, '3'])
  equal((await get(SERVICES)).status, 200)

  api.inject({ verb: 'list' }, { reset: true })
  await rejects(get(SERVICES))
  api.inject({ verb: 'list' }, { half: true })
  await rejects(get(SERVICES).then(response => response.text()))
  api.inject({ verb: 'list' }, { body: '<html>' })
  equal(await (await get(SERVICES)).text(), '<html>')

  const { promise, resolve } = Promise.withResolvers<void>()
  api.inject({ verb: 'list' }, { until: promise })
  let isAnswered = false
  const slow = get(SERVICES).then(() => {
    isAnswered = true
  })
  await get('/livez')
  equal(isAnswered, false)
  resolve()
  await slow

  const unanswered = api.inject({ verb: 'list' }, { unanswered: true })
  const asking = new AbortController()
  const given = rejects(fetch(api.url + SERVICES, { signal: asking.signal }))
  while (unanswered.met === 0) await turn()
  asking.abort()
  await given
})

test('faults of streams', async () => {
  for (const name of ['a', 'b', 'c']) api.put(service(name))
  api.inject({ verb: 'watch' }, { stream: { cutAfter: 1 } })
  const seen: Line[] = []
  await rejects(async () => {
    for await (const line of watch('resourceVersion=0')) seen.push(line)
  })
  equal(seen.length, 1)

  api.inject({ verb: 'watch' }, { stream: { twice: true } })
  const twice = await Array.fromAsync(watch('resourceVersion=0&timeoutSeconds=0.02'))
  const names = twice.map(({ object }) => object.metadata.name)
  equal(names.length, 2 * new Set(names).size)

  api.inject({ verb: 'watch' }, { stream: { silentAfter: 0 } })
  const silent = watch('resourceVersion=0')
  const answer = silent.next()
  while (api.watchesOf('services').length === 0) await turn()
  const [stream] = api.watchesOf('services')
  equal(stream.linesSent, 0)
  stream.cut(true)
  await rejects(answer)
  while (api.watches.size > 0) await turn()
})

test('a version is another name for the same object; without its definition a kind is not there', async () => {
  const route = (host: string): KubeObject => ({
    apiVersion: 'networking.istio.io/v1beta1',
    kind: 'VirtualService',
    metadata: { name: 'a', namespace: 'default' },
    spec: { hosts: [host] },
  })
  api.put(route('a'))
  const lines = watch('resourceVersion=0', '/apis/networking.istio.io/v1/virtualservices')
  const first = (await lines.next()).value as Line
  equal(first.object.apiVersion, 'networking.istio.io/v1')
  const definition = ISTIO_CRDS.find(each => each.metadata.name.startsWith('virtualservices.')) as KubeObject
  api.remove(definition)
  deepEqual(typesOf(await Array.fromAsync(lines)), ['DELETED'])
  equal((await get('/apis/networking.istio.io/v1/virtualservices')).status, 404)
  api.put(definition)
  equal((await get('/apis/networking.istio.io/v1/virtualservices')).status, 200)
})

test('after a restart the same objects are at the same address', async () => {
  api.put(service('kept'))
  const lines = watch('resourceVersion=0')
  await lines.next()
  await api.stop()
  await rejects(Array.fromAsync(lines))
  await rejects(get(SERVICES))
  await api.listen()
  match(await (await get(`${SERVICES}/kept`)).text(), /"kept"/)
  ok(api.count('get', 'services') > 0)
})
