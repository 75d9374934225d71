/** Servers of a cluster that name another Secret: the certificate stays until that one is there. */

import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { connect } from 'node:tls'
import { GATEWAY_API_CRDS } from '../kubernetes/fake/crds.ts'
import type { KubeObject } from '../kubernetes/fake/object.ts'
import { sceneOf } from '../kubernetes/gateway.ts'
import { localGateway, WEIR_CLASS } from '../kubernetes/gateway-api.ts'
import { istio, routeTo, secret, service, slice } from '../kubernetes/resources.ts'
import { Authority, type Issued } from '../support/authority.ts'
import { grant, tcpRoute, terminated } from '../support/gateway-api.ts'
import { echo } from './scene.ts'

const authority = new Authority('test')
const issue = (): Issued => authority.issue({ names: ['a.test', 'b.test'] })
const base64 = (text: string): string => Buffer.from(text).toString('base64')

const secretOf = (name: string, { cert, key }: Issued): KubeObject =>
  secret(name, { 'tls.crt': base64(cert), 'tls.key': base64(key), 'ca.crt': base64(authority.cert) })

type Server = { readonly name: string; readonly secret: string; readonly mode?: string }

const edge = (port: number, servers: readonly Server[]): KubeObject =>
  istio('Gateway', 'edge', {
    servers: servers.map(({ name, secret, mode = 'SIMPLE' }) => ({
      port: { number: port, name: `tls-${name}`, protocol: 'TLS' },
      bind: '127.0.0.1',
      hosts: [name],
      tls: { mode, credentialName: secret },
    })),
  })

/** The serial number of the certificate that a client of this name is shown; '': none. */
async function shown(port: number, servername: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1', servername, ca: authority.cert })
  socket.on('secureConnect', () => resolve(socket.getPeerCertificate().serialNumber))
  socket.on('error', () => resolve(''))
  socket.on('close', () => resolve(''))
  const serial = await promise
  socket.destroy()
  return serial
}

const serialOf = ({ serial }: Issued): string => serial.toString('hex').toUpperCase()

async function scene(t: TestContext, servers: readonly Server[], secrets: readonly KubeObject[]) {
  const backend = await echo(t, 'a')
  return sceneOf(
    t,
    at => [edge(at, servers), routeTo('echo'), service('echo'), slice('echo', backend), ...secrets],
    { pace: { holdMs: 50 } },
  )
}

test('a server that names a Secret which the API does not tell keeps its certificate', async t => {
  const [old, renewed] = [issue(), issue()]
  const { api, port, gateway, logged } = await scene(
    t,
    [{ name: 'a.test', secret: 'old' }],
    [secretOf('old', old), secretOf('new', renewed)],
  )
  equal(await shown(port, 'a.test'), serialOf(old))
  const failing = api.inject({ resource: 'secrets' }, { code: 500 }, Number.POSITIVE_INFINITY)
  api.put(edge(port, [{ name: 'a.test', secret: 'new' }]))
  await logged('not taken, the last good one stays')
  await logged('generation 2')
  equal(await shown(port, 'a.test'), serialOf(old))
  deepEqual(gateway.readiness().closed, [])
  deepEqual(
    gateway.credentials.stale.map(({ use }) => use),
    ['Gateway shop/edge servers[0]'],
  )
  // A further change, of something else: what it serves stays the last good one.
  api.put(
    edge(port, [
      { name: 'a.test', secret: 'new' },
      { name: 'b.test', secret: 'old' },
    ]),
  )
  await logged('generation 3')
  equal(await shown(port, 'a.test'), serialOf(old))
  failing.remove()
  await logged('another certificate, until')
  equal(await shown(port, 'a.test'), serialOf(renewed))
  deepEqual(gateway.credentials.stale, [])
})

test('a certificate stays with its server alone, and with the same terms for its clients', async t => {
  const old = issue()
  const { api, port, gateway, logged } = await scene(
    t,
    [{ name: 'a.test', secret: 'old' }],
    [secretOf('old', old)],
  )
  // Another server comes first, and takes the place of the one that it pushes back.
  api.put(
    edge(port, [
      { name: 'b.test', secret: 'none' },
      { name: 'a.test', secret: 'old' },
    ]),
  )
  await logged('closed until it can be used')
  await logged('generation 2')
  equal(await shown(port, 'b.test'), '')
  equal(await shown(port, 'a.test'), serialOf(old))
  // Without a certificate that the new authorities have, its clients would not be verified.
  api.put(edge(port, [{ name: 'a.test', secret: 'none', mode: 'MUTUAL' }]))
  await logged('generation 3')
  notEqual(await shown(port, 'a.test'), serialOf(old))
  deepEqual(
    gateway.readiness().closed.map(({ server }) => server),
    ['Gateway shop/edge servers[0]'],
  )
})

test('a certificate that stays is not for a server that names the same missing Secret later', async t => {
  const old = issue()
  const { api, port, gateway, logged } = await scene(
    t,
    [{ name: 'a.test', secret: 'old' }],
    [secretOf('old', old)],
  )
  api.put(edge(port, [{ name: 'a.test', secret: 'none' }]))
  await logged('generation 2')
  equal(await shown(port, 'a.test'), serialOf(old))
  api.put(
    edge(port, [
      { name: 'a.test', secret: 'none' },
      { name: 'b.test', secret: 'none' },
    ]),
  )
  await logged('generation 3')
  equal(await shown(port, 'b.test'), '')
  deepEqual(gateway.readiness().closed.length, 2)
})

test('a listener of Gateway API keeps its certificate while its Secret is missing, but not without a grant', async t => {
  const [old, renewed] = [issue(), issue()]
  const listening = (port: number, ref: object) =>
    localGateway('shop/edge', [terminated(port, 'a.test', ref)])
  const { api, port, gateway, logged } = await sceneOf(
    t,
    at => [
      WEIR_CLASS,
      listening(at, { name: 'old' }),
      tcpRoute('shop/all', { name: 'edge' }, ['echo']) as KubeObject,
      secretOf('old', old),
    ],
    { pace: { holdMs: 50 }, api: { crds: GATEWAY_API_CRDS } },
  )
  equal(await shown(port, 'a.test'), serialOf(old))
  api.put(listening(port, { name: 'new' }))
  await logged('not taken, the last good one stays')
  await logged('generation 2')
  equal(await shown(port, 'a.test'), serialOf(old))
  deepEqual(gateway.readiness().closed, [])
  deepEqual(
    gateway.credentials.stale.map(({ use }) => use),
    ['Gateway shop/edge listeners[0]'],
  )
  api.put(secretOf('new', renewed))
  await logged('another certificate, until')
  equal(await shown(port, 'a.test'), serialOf(renewed))
  deepEqual(gateway.credentials.stale, [])
  // Nobody has allowed this one.
  api.put(listening(port, { name: 'far', namespace: 'other' }))
  await logged('generation 3')
  equal(await shown(port, 'a.test'), '')
})

test('a certificate of another namespace does not outlive its ReferenceGrant', async t => {
  const far = secretOf('far', issue())
  const permission = grant('certs/far', 'Gateway', 'shop', { group: '', kind: 'Secret' }) as KubeObject
  const { api, port, gateway, logged } = await sceneOf(
    t,
    at => [
      WEIR_CLASS,
      localGateway('shop/edge', [
        terminated(at, 'a.test', { name: 'far', namespace: 'certs' }, { name: 'own' }),
      ]),
      tcpRoute('shop/all', { name: 'edge' }, ['echo']) as KubeObject,
      { ...far, metadata: { ...far.metadata, namespace: 'certs' } },
      permission,
    ],
    { pace: { holdMs: 50 }, api: { crds: GATEWAY_API_CRDS } },
  )
  notEqual(await shown(port, 'a.test'), '')
  api.remove(permission)
  await logged('generation 2')
  equal(await shown(port, 'a.test'), '')
  equal(gateway.credentials.stale.length, 0)
})
