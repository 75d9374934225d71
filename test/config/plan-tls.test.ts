/** TLS of servers in the Plan: what a Gateway asks for, and what it names. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Loaded } from '../../src/config/load.ts'
import type { Credential } from '../../src/config/plan/credentials.ts'
import type { TlsServer } from '../../src/table/plan/tls.ts'
import { CLOSED, codes, gateway, type Json, load, resource, routes, server, to } from './plan-tls-kit.ts'

const serversOf = ({ plan }: Loaded): (TlsServer | undefined)[] =>
  plan?.listeners.flatMap(({ scopes }) => scopes.map(each => each.tls)) ?? []

/** The only server's, and the only credential. */
function only(loaded: Loaded): { readonly tls: TlsServer; readonly credential: Credential } {
  const [tls] = serversOf(loaded)
  assert.ok(tls, codes(loaded).join('; '))
  const credential = loaded.credentials.find(each => each.id === tls.material)
  assert.ok(credential)
  return { tls, credential }
}

const planned = (tls: Json, annotations: Json = {}, more: readonly Json[] = []) =>
  only(load([CLOSED, gateway([server(tls)], annotations), ...more]))

test('a server takes its certificate from a Secret of its namespace, or of the workload', () => {
  const { tls, credential } = planned({ mode: 'SIMPLE', credentialName: 'cert' })
  assert.deepEqual(credential.pairs, [{ secret: 'shop/cert' }])
  assert.equal(credential.authorities, null)
  assert.deepEqual(
    { ...tls, material: '' },
    {
      name: 'Gateway shop/edge servers[0]',
      material: '',
      clients: 'none',
      verify: null,
      alpn: [],
      minVersion: 'TLSV1_2',
      maxVersion: 'TLSV1_3',
      ciphers: [],
    },
  )
  const settings = resource('Settings', 'settings', {
    workload: { namespace: 'istio-system', labels: {} },
    mesh: { capture: 'none' },
  })
  const elsewhere = only(load([settings, gateway([server({ mode: 'SIMPLE', credentialName: 'cert' })])]))
  assert.deepEqual(elsewhere.credential.pairs, [{ secret: 'istio-system/cert' }])
  const { credential: prefixed } = planned({ mode: 'SIMPLE', credentialName: 'kubernetes://cert' })
  assert.deepEqual(prefixed.pairs, [{ secret: 'shop/cert' }])
})

test('clients show certificates of the authorities that the server names', () => {
  const files = {
    serverCertificate: '/c.pem',
    privateKey: '/k.pem',
    caCertificates: '/ca.pem',
    caCrl: '/r.pem',
  }
  const { tls, credential } = planned({
    mode: 'MUTUAL',
    ...files,
    subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/web'],
    verifyCertificateHash: ['AB:CD'],
    minProtocolVersion: 'TLSV1_3',
    cipherSuites: ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'NONE'],
  })
  assert.deepEqual(credential.pairs, [{ certificate: '/c.pem', privateKey: '/k.pem' }])
  assert.deepEqual(credential.authorities, { file: '/ca.pem', crl: '/r.pem' })
  assert.equal(tls.clients, 'required')
  assert.equal(tls.minVersion, 'TLSV1_3')
  assert.deepEqual(tls.ciphers, ['ECDHE-RSA-AES128-GCM-SHA256'])
  assert.deepEqual(tls.verify, {
    insecureSkipVerify: false,
    subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/web'],
    spki: [],
    hashes: ['abcd'],
  })
  const optional = planned({ mode: 'OPTIONAL_MUTUAL', credentialNames: ['rsa', 'ec'] })
  assert.equal(optional.tls.clients, 'optional')
  assert.deepEqual(optional.credential.pairs, [{ secret: 'shop/rsa' }, { secret: 'shop/ec' }])
  assert.deepEqual(optional.credential.authorities, { secret: 'shop/rsa', beside: true })
})

test('protocols are chosen among those of the annotation', () => {
  const { tls } = planned({ mode: 'SIMPLE', credentialName: 'c' }, { 'gateway.weir/alpn': 'h2, http/1.1' })
  assert.deepEqual(tls.alpn, ['h2', 'http/1.1'])
  const wrong = load([
    gateway([server({ mode: 'SIMPLE', credentialName: 'c' })], { 'gateway.weir/alpn': 'h2,,h2' }),
  ])
  assert.ok(codes(wrong).some(each => each.startsWith('CFG219 Gateway shop/edge')))
})

test('tls routes choose behind termination only where the Gateway says so', () => {
  const ends = [server({ mode: 'SIMPLE', credentialName: 'c' })]
  const byName = routes({ tls: [to('a.com', { match: [{ sniHosts: ['a.com'] }] })], tcp: [] })
  const both = routes({ tls: [to('a.com', { match: [{ sniHosts: ['a.com'] }] })], tcp: [to('b.com')] })
  const rulesOf = (loaded: Loaded) =>
    loaded.plan?.listeners[0].scopes[0].rules.map(({ origin, names }) => [origin.block, names])
  assert.ok(codes(load([CLOSED, gateway(ends), byName])).includes('CFG508 VirtualService shop/v spec.tls'))
  assert.deepEqual(rulesOf(load([CLOSED, gateway(ends), both])), [['tcp', undefined]])
  const terminated = load([CLOSED, gateway(ends, { 'gateway.weir/tls-routes': 'terminated' }), both])
  assert.deepEqual(rulesOf(terminated), [
    ['tls', ['a.com']],
    ['tcp', undefined],
  ])
  assert.ok(!codes(terminated).some(each => each.startsWith('CFG508')))
})

test('an HTTPS server is served where a tcp route says where its bytes go', () => {
  const https = gateway([server({ mode: 'SIMPLE', credentialName: 'c' }, 'HTTPS')])
  const http = load([CLOSED, https, routes({ http: [to('a.com')] })])
  assert.ok(codes(http).includes('CFG402 Gateway shop/edge spec.servers[0].port.protocol'))
  assert.equal(http.plan?.listeners[0].opens, false)
  assert.deepEqual(http.credentials, [])
  const tcp = load([CLOSED, https, routes({ tcp: [to('a.com')] })])
  assert.ok(!codes(tcp).some(each => each.startsWith('CFG402')))
  assert.equal(tcp.plan?.listeners[0].opens, true)
})

test('a server of mode ISTIO_MUTUAL stays closed, and others on its port are served', () => {
  const loaded = load([
    CLOSED,
    gateway([
      server({ mode: 'ISTIO_MUTUAL' }, 'TLS', ['mesh.test']),
      server({ mode: 'SIMPLE', credentialName: 'c' }, 'TLS', ['a.test']),
    ]),
  ])
  assert.ok(codes(loaded).includes('CFG402 Gateway shop/edge spec.servers[0].tls'))
  const scopes = loaded.plan?.listeners[0].scopes ?? []
  assert.deepEqual(
    scopes.map(({ serves, tls, takes }) => [serves, tls?.name, takes]),
    [
      [false, undefined, { names: ['mesh.test'], plain: false }],
      [undefined, 'Gateway shop/edge servers[1]', { names: ['a.test'], plain: false }],
    ],
  )
})
