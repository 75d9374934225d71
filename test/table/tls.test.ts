import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tlsServerOf, tlsUpstreamOf } from '../../src/table/format/tls.ts'
import { findNamedScope } from '../../src/table/match/named-scope.ts'
import type { Cluster, Listener, Scope } from '../../src/table/plan/plan.ts'
import { DEFAULT_POLICY } from '../../src/table/plan/policy.ts'
import {
  type ClientChecks,
  TLS_VERSIONS,
  type TlsServer,
  type TlsUpstream,
  type TlsVersion,
} from '../../src/table/plan/tls.ts'
import { tableOf } from '../support/tables.ts'

const [, , minVersion, maxVersion]: readonly TlsVersion[] = TLS_VERSIONS

const verify: ClientChecks = {
  insecureSkipVerify: false,
  subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/web'],
  spki: [],
  hashes: [],
}

const server = (name: string): TlsServer => ({
  name,
  material: `of ${name}`,
  clients: 'required',
  verify,
  ciphers: [],
  alpn: ['h2'],
  minVersion,
  maxVersion,
})

const upstream: TlsUpstream = {
  material: null,
  trust: 'system',
  serverName: 'db.example.com',
  names: ['db.example.com'],
  alpn: [],
  minVersion,
  maxVersion,
}

const scopeOf = (names: readonly string[], tls?: TlsServer): Scope => ({
  host: '',
  port: 0,
  addresses: [],
  takes: { names, plain: false },
  rules: [],
  defaultRoute: -1,
  ...(tls && { tls }),
})

const listener: Listener = {
  gateway: 'shop/edge',
  bind: '127.0.0.1',
  port: 9443,
  opens: true,
  destination: 'local',
  scopes: [
    scopeOf(['*.example.com'], server('wild')),
    scopeOf(['db.example.com']),
    scopeOf(['a.example.com'], server('a')),
  ],
  otherwise: 'close',
  reads: 'tls',
}

const clusterOf = (port: number, tls?: TlsUpstream): Cluster => ({
  host: 'db.example.com',
  subset: null,
  port,
  kind: 'static',
  endpoints: [],
  names: [],
  labels: {},
  policy: DEFAULT_POLICY,
  ...(tls && { tls }),
})

const table = tableOf({
  listeners: [listener],
  routes: [],
  clusters: [clusterOf(1, upstream), clusterOf(2), clusterOf(3, { ...upstream })],
  sources: [],
})

const nameOf = (isTls: boolean, serverName: string): string | undefined =>
  tlsServerOf(table, findNamedScope(table, 0, isTls, serverName))?.name

test('one look-up of a name finds the server that terminates TLS, and its rules', () => {
  assert.equal(nameOf(true, 'x.example.com'), 'wild')
  assert.equal(nameOf(true, 'a.example.com'), 'a')
  assert.equal(nameOf(true, 'db.example.com'), undefined, 'a server that passes TLS through')
  assert.equal(nameOf(true, 'other.test'), undefined)
  assert.equal(nameOf(false, ''), undefined)
})

test('a cluster says how weir speaks TLS to it', () => {
  assert.deepEqual(tlsUpstreamOf(table, 0), upstream)
  assert.equal(tlsUpstreamOf(table, 1), null)
  assert.equal(tlsUpstreamOf(table, 2), tlsUpstreamOf(table, 0), 'each value is there once')
})

test('no scope both terminates TLS and takes plain text', () => {
  const scope = { ...scopeOf(['*'], server('any')), takes: { names: ['*'], plain: true } }
  const plan = { listeners: [{ ...listener, scopes: [scope] }], routes: [], clusters: [], sources: [] }
  assert.throws(() => tableOf(plan), /plain text/)
})
