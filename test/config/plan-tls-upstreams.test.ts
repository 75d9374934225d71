/** TLS to destinations in the Plan: what a DestinationRule asks for, and what it names. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Loaded } from '../../src/config/load.ts'
import { TLS_SERVED } from '../../src/config/plan/tls-served.ts'
import type { TlsUpstream } from '../../src/table/plan/tls.ts'
import {
  CLOSED,
  codes,
  entry,
  gateway,
  type Json,
  load,
  resource,
  routes,
  server,
  to,
} from './plan-tls-kit.ts'

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
