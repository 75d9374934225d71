/**
 * Connections of an endpoint that the configuration, or DNS, no longer has end where the
 * DestinationRule wants that, and only those. Method: a gateway in front of two servers, one of
 * which goes from the configuration in each way that there is.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Gateway } from '../../src/control/gateway.ts'
import { ask, echo, folder, watchedLog } from '../control/scene.ts'
import { ENGINES } from '../support/engine.ts'
import { hello, host, record, serverName } from '../support/hello.ts'
import { nameFiles } from '../support/name-server.ts'
import { freePort, open, until } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { naming } from './names-kit.ts'
import { scene, talking } from './scene.ts'

type Shape = {
  /** Lines of endpoints; none: the ServiceEntry is gone. */
  readonly endpoints?: readonly string[]
  /** The annotation; none: the DestinationRule is gone. */
  readonly onRemove?: string | null
  readonly more?: string
  readonly subset?: string
  readonly resolution?: string
}

const at = (port: number, labels = '{version: v1}', address = '127.0.0.1'): string =>
  `{address: ${address}, labels: ${labels}, ports: {tcp: ${port}}}`

const shaped =
  ({ endpoints = [], onRemove = 'close;over=0s', more = '', subset, resolution = 'STATIC' }: Shape) =>
  (port: number): string =>
    [
      `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec: {servers: [{port: {number: ${port}, name: tcp, protocol: TCP}, bind: 127.0.0.1, hosts: ['*']}]}`,
      `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: default}
spec:
  hosts: ['*']
  gateways: [edge]
  tcp: [{route: [{destination: {host: backend.example${subset ? `, subset: ${subset}` : ''}}}]}]`,
      ...(endpoints.length === 0
        ? []
        : [
            `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: backend, namespace: default}
spec:
  hosts: [backend.example]
  resolution: ${resolution}
  ports: [{number: 9000, name: tcp, protocol: TCP}]
  endpoints: [${endpoints.join(', ')}]`,
          ]),
      ...(onRemove === null
        ? []
        : [
            `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: backend, namespace: default, annotations: {gateway.weir/on-remove: '${onRemove}'}}
spec:
  host: backend.example
  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]`,
          ]),
      `
apiVersion: gateway.weir/v1
kind: Settings
metadata: {name: weir}
spec: {mesh: {capture: none}, workers: 2, admin: null, reload: {guard: warn}}
${more}`,
    ].join('\n---')

/** Two servers of one host, eight clients over both, and what becomes of them. */
async function eight(t: TestContext, shape: Shape = {}, engine: Parameters<typeof scene>[2] = 'auto') {
  const other = await echo(t, 'other')
  const begun = await scene(
    t,
    (port, first) => shaped({ endpoints: [at(first), at(other)], ...shape })(port),
    engine,
  )
  const { port, get, save, backend } = begun
  const clients = await Promise.all(Array.from({ length: 8 }, () => talking(t, port)))
  const to = async (endpoint: number): Promise<number> =>
    (await get(`/connections?endpoint=127.0.0.1:${endpoint}`)).body.connections.length
  return {
    ...begun,
    other,
    clients,
    to,
    ended: async () => (await get('/summary')).body.closed['endpoint-removed'] as number,
    /** The same with another shape. */
    change: (changed: Shape) => save(shaped({ endpoints: [at(backend), at(other)], ...changed })(port)),
  }
}

/** Those that still answer. */
async function answering(clients: readonly Socket[]): Promise<number> {
  const alive = clients.filter(each => !each.closed && !each.destroyed)
  await Promise.all(
    alive.map(async each => {
      each.write('x')
      await once(each, 'data')
    }),
  )
  return alive.length
}

for (const { engine, test } of ENGINES) {
  test(`${engine}: connections of a removed endpoint end as endpoint-removed; the others and new ones go on`, async t => {
    const { port, backend, other, to, ended, change, clients, logged } = await eight(t, {}, engine)
    assert.equal(await to(backend), 4)
    change({ endpoints: [at(other)] })
    await logged('4 open connections to them will end')
    while ((await ended()) < 4);
    assert.deepEqual([await ended(), await to(backend)], [4, 0])
    assert.equal(await ask(port), 'other test')
    await until(() => clients.filter(each => each.closed).length === 4)
    assert.equal(await answering(clients), 4)
  })
}

test('the annotation and the guard say what a removal ends; strict takes it, too', async t => {
  const { backend, other, ended, logged, save, port } = await eight(t)
  const strict = (endpoints: readonly string[]) =>
    shaped({ endpoints })(port).replace('guard: warn', 'guard: strict')
  save(strict([at(backend), at(other)]))
  await logged('generation 2:')
  save(strict([at(other)]))
  const { msg } = await logged(`127.0.0.1:${backend} of backend.example:9000 is removed`)
  assert.match(msg, /^.*a\.yaml:\d+: .* is removed: 4 of 8 open connections end over 0 s$/)
  while ((await ended()) < 4);
})

test('kept are: by default, with keep, in another subset, and when a route names another host', async t => {
  const { backend, other, ended, change, clients, logged } = await eight(t, { subset: 'v1' })
  const elsewhere = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: elsewhere, namespace: default}
spec: {hosts: [elsewhere.example], resolution: STATIC, ports: [{number: 9000, name: tcp, protocol: TCP}], endpoints: [{address: 127.0.0.1}]}`
  change({ endpoints: [at(backend, '{version: v2}'), at(other)], subset: 'v1' })
  await logged('generation 2:')
  change({ subset: 'v2', endpoints: [at(backend, '{version: v2}'), at(other, '{version: v2}')] })
  await logged('generation 3:')
  change({ endpoints: [at(other), at(backend)], onRemove: 'keep' })
  await logged('generation 4:')
  change({ endpoints: [at(other)], onRemove: 'keep', more: elsewhere })
  await logged('generation 5:')
  assert.equal(await answering(clients), 8)
  assert.equal(await ended(), 0)
  // Asked for later, it ends what was removed earlier.
  change({ endpoints: [at(other)], more: elsewhere })
  while ((await ended()) < 4);
  await until(() => clients.filter(each => each.closed).length === 4)
  assert.equal(await answering(clients), 4)
})

test('a host that nothing defines any more has lost its endpoints; a rule that goes has not', async t => {
  const { ended, change, clients, logged } = await eight(t)
  change({ onRemove: null })
  await logged('generation 2:')
  assert.equal(await answering(clients), 8)
  change({})
  await logged('generation 3:')
  change({ endpoints: [], onRemove: null })
  while ((await ended()) < 8);
})

test('an endpoint that is back in time keeps what it still has', async t => {
  const { other, ended, change, clients, logged } = await eight(t)
  change({ endpoints: [at(other)], onRemove: 'close;over=24h' })
  await logged('4 open connections to them will end')
  change({ onRemove: 'close;over=24h' })
  await logged('4 open connections of removed endpoints go on: these are back')
  change({ onRemove: 'close' })
  await logged('generation 4:')
  assert.equal(await answering(clients), 8)
  assert.equal(await ended(), 0)
})

test('names that resolve anew remove endpoints; one that is unknown removes nothing', async t => {
  const [backend, port] = [await echo(t, 'one'), await freePort()]
  const { files, write } = nameFiles(t, '', '127.0.0.1 db.internal')
  const text = shaped({
    endpoints: [at(backend, '{version: v1}', 'db.internal')],
    resolution: 'DNS',
  })(port)
  const { log, records, logged } = watchedLog()
  const gateway = await Gateway.load({
    paths: [folder(t, { 'a.yaml': text })],
    overrides: {},
    log,
    threads: THREADS,
    names: files,
  })
  assert.ok(gateway, JSON.stringify(records))
  t.after(() => gateway.stop())
  await gateway.serve()
  await logged('every listener accepts')
  const client = await talking(t, port)
  const closed = new Promise(resolve => client.once('close', resolve))
  write('hosts', '127.0.0.1 db.internal\n127.0.0.2 db.internal')
  await logged('db.internal is 127.0.0.1, 127.0.0.2;')
  client.write('x')
  await once(client, 'data')
  write('hosts', '127.0.0.2 db.internal')
  await logged(`removed: 127.0.0.1:${backend}; 1 open connection to them will end`)
  await closed
})

test('who is still read from ends once it is connected to the removed endpoint', async t => {
  const removing = (port: number, backend: number): string =>
    `${naming(port, backend)}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: one, annotations: {gateway.weir/on-remove: 'close;over=0s'}}
spec: {host: one.example}
`
  const { port, get, save, logged, gateway } = await scene(t, removing)
  const other = await echo(t, 'other')
  const late = await open(port)
  t.after(() => late.destroy())
  late.on('error', () => {})
  const closed = new Promise(resolve => late.once('close', resolve))
  const said = record(hello([serverName(host('a.test'))]))
  late.write(said.subarray(0, 20))
  await until(() => gateway.serving?.plane.observer.live.states().reading === 1)
  save(removing(port, other))
  await logged('generation 2:')
  late.write(said.subarray(20))
  await closed
  while ((await get('/summary')).body.closed['endpoint-removed'] !== 1);
})
