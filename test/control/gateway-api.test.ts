/**
 * Gateway API from files, through real sockets: weights, shares that are reset, ReferenceGrants
 * that come and go, TLS that passes, ends and is spoken.
 */

import { deepEqual, equal, match } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { loadConfig } from '../../src/config/load.ts'
import { Gateway } from '../../src/control/gateway.ts'
import { Authority } from '../support/authority.ts'
import {
  api,
  gateway as apiGateway,
  grant,
  tcp,
  tcpRoute,
  terminated,
  tls,
  tlsRoute,
  WEIR,
} from '../support/gateway-api.ts'
import { core, type Written } from '../support/resources.ts'
import { freePort } from '../support/sockets.ts'
import { THREADS } from '../support/threads.ts'
import { ask, echo, folder, moveIn, moveOut, watchedLog } from './scene.ts'

const authority = new Authority('test')
const PARENT = { name: 'edge', namespace: 'default' }
const SETTINGS = {
  ...core('Settings', 'weir', { spec: { workers: 1, mesh: { capture: 'none' }, admin: null } }),
  apiVersion: 'gateway.weir/v1',
}

/** A Service whose port 80 is `port` of the loopback. */
const serviceAt = (id: string, port: number): Written[] => {
  const [name, namespace = 'default'] = id.split('/').reverse()
  const slice = core(
    'EndpointSlice',
    `${namespace}/${name}`,
    {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'] }],
      ports: [{ name: 'main', port }],
    },
    { labels: { 'kubernetes.io/service-name': name } },
  )
  return [
    core('Service', `${namespace}/${name}`, { spec: { ports: [{ name: 'main', port: 80 }] } }),
    { ...slice, apiVersion: 'discovery.k8s.io/v1' },
  ]
}

/** YAML has JSON in it. */
const text = (...written: Written[]): string => written.map(each => JSON.stringify(each)).join('\n---\n')

async function serve(t: TestContext, files: Readonly<Record<string, string>>) {
  const root = folder(t, files)
  const watched = watchedLog()
  const gateway = await Gateway.load({
    paths: [root],
    overrides: { engine: 'epoll' },
    log: watched.log,
    threads: THREADS,
  })
  if (!gateway) throw new Error(JSON.stringify(watched.records))
  t.after(() => gateway.stop())
  await gateway.serve()
  await watched.logged('every listener accepts')
  return { root, gateway, ...watched }
}

/** What the files there come to, for a route: its conditions by type. */
function conditionsOf(root: string, kind: string, name: string): Record<string, string> {
  const files = readdirSync(root)
    .filter(each => each.endsWith('.yaml'))
    .map(file => ({ file, bytes: readFileSync(join(root, file)) }))
  const { statuses } = loadConfig(files, { names: new Map() })
  const found = statuses.find(each => each.kind === kind && each.name === name)
  const { parents } = Object(found?.status) as {
    parents: { conditions: { type: string; status: string; reason: string }[] }[]
  }
  return Object.fromEntries(parents[0].conditions.map(each => [each.type, `${each.status} ${each.reason}`]))
}

const tally = async (times: number, once: () => Promise<string>): Promise<Record<string, number>> => {
  const answers: Record<string, number> = {}
  for (let index = 0; index < times; index++) {
    const answer = await once()
    answers[answer] = (answers[answer] ?? 0) + 1
  }
  return answers
}

test('weights 70, 30 and 0 are delivered, the share of a missing Service is reset, a grant opens and closes', async t => {
  const [weighted, broken, far] = [await freePort(), await freePort(), await freePort()]
  const [a, b, c] = [await echo(t, 'a'), await echo(t, 'b'), await echo(t, 'c')]
  const exact = { annotations: { 'gateway.weir/split': 'exact' } }
  const at = (port: number) => ({ ...PARENT, port })
  const open = { allowedRoutes: { namespaces: { from: 'All' } } }
  const served = await serve(t, {
    'a.yaml': text(
      SETTINGS,
      WEIR,
      apiGateway('edge', [tcp(weighted), tcp(broken), tcp(far, open)], {
        addresses: [{ value: '127.0.0.1' }],
      }),
      ...serviceAt('a', a),
      ...serviceAt('b', b),
      ...serviceAt('c', c),
      ...serviceAt('data/d', c),
      tcpRoute('weighted', at(weighted), ['a 70', 'b 30', 'c 0'], exact),
      tcpRoute('broken', at(broken), ['a 20', 'gone 80'], exact),
      tcpRoute('shop/far', at(far), ['data/d']),
    ),
    'grant.yaml': text(grant('data/g', 'TCPRoute', 'shop')),
  })
  deepEqual(await tally(100, () => ask(weighted)), { 'a test': 70, 'b test': 30 })
  deepEqual(await tally(50, () => ask(broken)), { 'a test': 10, '': 40 })
  equal(await ask(far), 'c test')
  deepEqual(conditionsOf(served.root, 'TCPRoute', 'far'), {
    Accepted: 'True Accepted',
    ResolvedRefs: 'True ResolvedRefs',
  })
  deepEqual(conditionsOf(served.root, 'TCPRoute', 'broken'), {
    Accepted: 'True Accepted',
    ResolvedRefs: 'False BackendNotFound',
  })

  const before = served.records.length
  moveOut(served.root, 'grant.yaml')
  await served.logged('generation 2', before)
  equal(await ask(far), '')
  deepEqual(conditionsOf(served.root, 'TCPRoute', 'far'), {
    Accepted: 'True Accepted',
    ResolvedRefs: 'False RefNotPermitted',
  })
  equal(await ask(weighted), 'a test', 'others go on')

  const again = served.records.length
  moveIn(served.root, 'grant.yaml', text(grant('data/g', 'TCPRoute', 'shop')))
  await served.logged('generation 3', again)
  equal(await ask(far), 'c test')
})

test('TLS passes by name, ends with a certificate of another namespace, and is spoken to a backend', async t => {
  const port = await freePort()
  const plain = await echo(t, 'plain')
  const own = authority.issue({ names: ['own.test'] })
  const edge = authority.issue({ names: ['ends.test', 'spoken.test'] })
  const server = createServer({ cert: own.cert, key: own.key }, socket => {
    socket.on('error', () => socket.destroy())
    socket.on('data', data => socket.write(`secret ${data}`))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port: secret } = server.address() as { port: number }
  const cert = { name: 'cert', namespace: 'certs' }
  await serve(t, {
    'a.yaml': text(
      SETTINGS,
      WEIR,
      apiGateway(
        'edge',
        [tls(port, 'own.test'), terminated(port, 'ends.test', cert), terminated(port, 'spoken.test', cert)],
        { addresses: [{ value: '127.0.0.1' }] },
      ),
      core('Secret', 'certs/cert', { stringData: { 'tls.crt': edge.cert, 'tls.key': edge.key } }),
      grant('certs/g', 'Gateway', 'default', { group: '', kind: 'Secret', name: 'cert' }),
      ...serviceAt('plain', plain),
      ...serviceAt('secret', secret),
      ...serviceAt('spoken', secret),
      tlsRoute('own', PARENT, ['own.test'], ['secret']),
      tlsRoute('ends', PARENT, ['ends.test'], ['plain']),
      tlsRoute('spoken', PARENT, ['spoken.test'], ['spoken']),
      core('ConfigMap', 'ca', { data: { 'ca.crt': authority.cert } }),
      api('BackendTLSPolicy', 'spoken', {
        targetRefs: [{ group: '', kind: 'Service', name: 'spoken' }],
        validation: {
          hostname: 'own.test',
          caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }],
        },
      }),
    ),
  })
  const say = (servername: string): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const socket = connect({ port, host: '127.0.0.1', servername, ca: authority.cert })
    t.after(() => socket.destroy())
    socket.on('secureConnect', () => socket.write('test\n'))
    socket.on('data', data => resolve(String(data).trim()))
    socket.on('error', error => resolve(`no: ${error.message}`))
    socket.on('close', () => resolve('no: closed'))
    return promise
  }
  equal(await say('own.test'), 'secret test')
  equal(await say('ends.test'), 'plain test')
  equal(await say('spoken.test'), 'secret test')
  match(await say('other.test'), /^no: /)
})

test('a Secret that goes from the files leaves its listener the certificate, and a missing one is not changed to', async t => {
  const port = await freePort()
  const edge = authority.issue({ names: ['a.test'] })
  const listening = (name: string) =>
    text(apiGateway('edge', [terminated(port, 'a.test', { name })], { addresses: [{ value: '127.0.0.1' }] }))
  const { root, gateway, logged, records } = await serve(t, {
    'a.yaml': text(
      SETTINGS,
      WEIR,
      ...serviceAt('plain', await echo(t, 'plain')),
      tcpRoute('r', PARENT, ['plain']),
    ),
    'edge.yaml': listening('cert'),
    'secret.yaml': text(
      core('Secret', 'cert', { stringData: { 'tls.crt': edge.cert, 'tls.key': edge.key } }),
    ),
  })
  const shown = (): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const options = { port, host: '127.0.0.1', servername: 'a.test', ca: authority.cert }
    const socket = connect(options, () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
    return promise.finally(() => socket.destroy())
  }
  equal(await shown(), true)
  moveOut(root, 'secret.yaml')
  await logged('not taken, the last good one stays')
  equal(await shown(), true)
  deepEqual(gateway.readiness().closed, [])
  const before = records.length
  moveIn(root, 'edge.yaml', listening('none'))
  await logged('generation 1 stays: Gateway default/edge listeners[0]: Secret default/none is not', before)
  equal(await shown(), true)
})
