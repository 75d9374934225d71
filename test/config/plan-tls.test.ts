/** TLS in the Plan: what a Gateway's servers and a DestinationRule ask for, and what they name. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Loaded, loadConfig } from '../../src/config/load.ts'
import type { Credential } from '../../src/config/plan/credentials.ts'
import { TLS_SERVED, type TlsServed } from '../../src/config/plan/tls-served.ts'
import type { TlsServer, TlsUpstream } from '../../src/table/plan/tls.ts'

const SERVED: TlsServed = { servers: true, upstreams: true }

type Json = Readonly<Record<string, unknown>>

const resource = (kind: string, name: string, spec: Json, annotations: Json = {}): Json => ({
  apiVersion: kind === 'Settings' ? 'gateway.weir/v1' : kind === 'Service' ? 'v1' : 'networking.istio.io/v1',
  kind,
  metadata: { name, ...(kind !== 'Settings' && { namespace: 'shop' }), annotations },
  spec,
})
const server = (tls: Json, protocol = 'TLS', hosts: readonly string[] = ['*']): Json => ({
  hosts,
  port: { number: 8443, name: `p-${hosts[0].replaceAll(/\W/g, '')}`, protocol },
  tls,
})
const gateway = (servers: readonly Json[], annotations: Json = {}): Json =>
  resource('Gateway', 'edge', { servers }, annotations)
const to = (host: string, more: Json = {}): Json => ({ ...more, route: [{ destination: { host } }] })
const routes = (spec: Json): Json =>
  resource('VirtualService', 'v', { hosts: ['*'], gateways: ['edge'], ...spec })
const entry = (host: string, more: Json = {}): Json =>
  resource('ServiceEntry', host.replaceAll(/\W/g, '-'), {
    hosts: [host],
    addresses: [`10.0.0.${host.length}`],
    resolution: 'STATIC',
    ports: [{ number: 8443, name: 'tcp', protocol: 'TCP' }],
    endpoints: [{ address: '10.1.0.1' }],
    ...more,
  })
const CLOSED = resource('Settings', 'settings', { mesh: { capture: 'none' } })

function load(resources: readonly Json[], served = SERVED): Loaded {
  const bytes = new TextEncoder().encode(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: resources }))
  return loadConfig([{ file: 'a.json', bytes }], { names: new Map(), served })
}

const codes = ({ diagnostics }: Loaded): string[] =>
  diagnostics.map(({ code, resource, field }) => `${code} ${resource} ${field}`)

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

const rule = (tls: Json, more: Json = {}, annotations: Json = {}): Json =>
  resource('DestinationRule', 'r', { host: 'db.example.com', trafficPolicy: { tls }, ...more }, annotations)
const TCP = gateway([{ hosts: ['*'], port: { number: 8443, name: 'tcp', protocol: 'TCP' } }])

const dialing = (host: string, ...more: readonly Json[]): Loaded =>
  load([CLOSED, TCP, routes({ tcp: [to(host)] }), ...more])

function upstreamOf(loaded: Loaded): TlsUpstream {
  const tls = loaded.plan?.clusters[0].tls
  assert.ok(tls, codes(loaded).join('; '))
  return tls
}

test("a destination's certificate has its name, unless others are asked for", () => {
  const db = entry('db.example.com')
  const simple = dialing('db.example.com', db, rule({ mode: 'SIMPLE' }))
  assert.deepEqual(upstreamOf(simple), {
    material: null,
    trust: 'system',
    serverName: 'db.example.com',
    names: ['db.example.com'],
    alpn: [],
    minVersion: 'TLSV1_2',
    maxVersion: 'TLSV1_3',
  })
  assert.deepEqual(simple.credentials, [])
  assert.ok(codes(simple).includes('CFG507 DestinationRule shop/r spec.trafficPolicy.tls'))
  const asked = rule({ mode: 'SIMPLE', sni: 'sni.test', subjectAltNames: ['spiffe://a/b'] })
  const named = upstreamOf(dialing('db.example.com', db, asked))
  assert.deepEqual([named.serverName, named.names], ['sni.test', ['spiffe://a/b']])
  const ofEntry = entry('db.example.com', { subjectAltNames: ['entry.test'] })
  assert.deepEqual(upstreamOf(dialing('db.example.com', ofEntry, rule({ mode: 'SIMPLE' }))).names, [
    'entry.test',
  ])
  const skips = upstreamOf(dialing('db.example.com', db, rule({ mode: 'SIMPLE', insecureSkipVerify: true })))
  assert.deepEqual([skips.trust, skips.names, skips.serverName], ['none', [], 'db.example.com'])
})

test('a Service may also be named without the cluster domain', () => {
  const service = resource('Service', 'db', { clusterIP: '10.0.0.9', ports: [{ port: 8443 }] })
  const ofService = resource('DestinationRule', 'r', {
    host: 'db',
    trafficPolicy: { tls: { mode: 'SIMPLE' } },
  })
  assert.deepEqual(upstreamOf(dialing('db', service, ofService)).names, [
    'db.shop.svc.cluster.local',
    'db.shop.svc',
  ])
})

test('weir shows a certificate of its own, and trusts the authorities that the rule names', () => {
  const files = { mode: 'MUTUAL', clientCertificate: '/c', privateKey: '/k', caCertificates: '/ca' }
  const mutual = dialing('db.example.com', entry('db.example.com'), rule(files))
  const tls = upstreamOf(mutual)
  assert.equal(tls.material, tls.trust)
  assert.deepEqual(mutual.credentials[0].pairs, [{ certificate: '/c', privateKey: '/k' }])
  assert.deepEqual(mutual.credentials[0].authorities, { file: '/ca', crl: null })
  assert.deepEqual(
    mutual.credentials[0].uses.map(({ name, server }) => [name, server]),
    [['DestinationRule shop/r for db.example.com:8443', null]],
  )
  const secret = dialing(
    'db.example.com',
    entry('db.example.com'),
    rule({ mode: 'SIMPLE', credentialName: 'ca' }),
  )
  assert.equal(upstreamOf(secret).material, null)
  assert.deepEqual(secret.credentials[0].pairs, [])
  assert.deepEqual(secret.credentials[0].authorities, { secret: 'shop/ca', beside: true })
})

test('subsets and ports have their own, which replaces the whole block', () => {
  const spec = {
    trafficPolicy: {
      tls: { mode: 'SIMPLE', sni: 'top' },
      portLevelSettings: [{ port: { number: 8443 }, tls: { mode: 'SIMPLE', subjectAltNames: ['port'] } }],
    },
    subsets: [{ name: 'plain', labels: {}, trafficPolicy: { tls: { mode: 'DISABLE' } } }],
  }
  const db = entry('db.example.com')
  const tls = upstreamOf(dialing('db.example.com', db, rule({}, spec)))
  assert.deepEqual([tls.serverName, tls.names], ['db.example.com', ['port']])
  const subset = load([
    CLOSED,
    TCP,
    db,
    rule({}, spec),
    routes({ tcp: [{ route: [{ destination: { host: 'db.example.com', subset: 'plain' } }] }] }),
  ])
  assert.equal(subset.plan?.clusters[0].tls, undefined)
})

test('what weir does not speak is refused, and only where a route leads there', () => {
  const db = entry('db.example.com')
  const mesh = rule({ mode: 'ISTIO_MUTUAL' })
  const refused = dialing('db.example.com', db, mesh)
  assert.equal(refused.plan, null)
  assert.ok(codes(refused).includes('CFG506 DestinationRule shop/r spec.trafficPolicy.tls.mode'))
  assert.notEqual(dialing('a.com', entry('a.com'), db, mesh).plan, null)
})

test('what is not served yet stays closed, or is refused, and is never plain text', () => {
  if (!TLS_SERVED.servers) {
    const loaded = load([CLOSED, gateway([server({ mode: 'SIMPLE', credentialName: 'c' })])], TLS_SERVED)
    assert.equal(loaded.plan?.listeners[0].opens, false)
    assert.equal(loaded.plan?.listeners[0].scopes[0].takes?.plain, false)
  }
  const none = { servers: false, upstreams: false }
  const simple = [
    CLOSED,
    TCP,
    routes({ tcp: [to('db.example.com')] }),
    entry('db.example.com'),
    rule({ mode: 'SIMPLE' }),
  ]
  assert.equal(load(simple, none).plan, null)
})

test('TLS to a destination that does not go with what its clients speak', () => {
  const host = 'db.shop.example'
  const rule = (tls: Json) => resource('DestinationRule', 'db', { host, trafficPolicy: { tls } })
  const found = (served: Json, annotations: Json, tls: Json, block: 'tcp' | 'tls'): string[] => {
    const match = block === 'tls' ? { match: [{ sniHosts: ['*'] }] } : {}
    const loaded = load([
      CLOSED,
      gateway([server(served)], annotations),
      routes({ [block]: [to(host, match)] }),
      entry(host),
      rule({ subjectAltNames: [host], ...tls }),
    ])
    return codes(loaded).filter(each => /DestinationRule/.test(each))
  }
  const at = 'DestinationRule shop/db spec.trafficPolicy.tls'
  const ends = { mode: 'SIMPLE', credentialName: 'cert' }
  const postgres = { 'gateway.weir/starttls': 'postgres' }
  const simple = { mode: 'SIMPLE' }
  assert.deepEqual(found(ends, {}, simple, 'tcp'), [])
  assert.deepEqual(found({ mode: 'PASSTHROUGH' }, {}, simple, 'tls'), [`CFG510 ${at}.mode`])
  assert.deepEqual(found({ mode: 'PASSTHROUGH' }, postgres, simple, 'tls'), [`CFG510 ${at}.mode`])
  assert.deepEqual(found({ mode: 'PASSTHROUGH' }, {}, { mode: 'DISABLE' }, 'tls'), [])
  assert.deepEqual(found(ends, postgres, simple, 'tcp'), [`CFG511 ${at}.mode`])
  const listed = { mode: 'SIMPLE', caCrl: '/r.pem' }
  assert.deepEqual(found(ends, {}, listed, 'tcp'), [`CFG509 ${at}.caCrl`])
  assert.deepEqual(found(ends, {}, { ...listed, caCertificates: 'system' }, 'tcp'), [`CFG509 ${at}.caCrl`])
  assert.deepEqual(found(ends, {}, { ...listed, caCertificates: '/ca.pem' }, 'tcp'), [])
})
