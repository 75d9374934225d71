/**
 * No file of an operator makes validate throw.
 *
 * Method: arbitrary JSON as the spec of every kind, and valid resources with arbitrary JSON put
 * anywhere inside; each run also checks that every finding names a field or the kind.
 */

import { ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../support/full.ts'
import { findingsOf, istio, type Json } from './validate-kit.ts'

const KINDS = ['VirtualService', 'DestinationRule', 'Gateway', 'ServiceEntry', 'WorkloadEntry']
const route = [{ destination: { host: 'd', subset: 'v1', port: { number: 80 } }, weight: 1 }]

/** One valid resource of each kind, with most of what there is to check. */
const VALID: readonly Json[] = [
  istio('VirtualService', {
    hosts: ['a.com', '*.b.com'],
    gateways: ['ns/gw', 'mesh'],
    exportTo: ['.'],
    tcp: [{ match: [{ destinationSubnets: ['10.0.0.0/8'], port: 1, sourceLabels: { a: 'b' } }], route }],
    tls: [{ match: [{ sniHosts: ['a.com'] }], route }],
    http: [
      {
        match: [{ uri: { prefix: '/' }, headers: { a: { exact: 'b' } }, method: { regex: 'G.*' } }],
        route: [{ ...route[0], headers: { request: { set: { a: '%B%' } } } }],
        retries: { attempts: 1, retryOn: '5xx', perTryTimeout: '1s' },
        fault: { abort: { httpStatus: 500, percentage: { value: 1 } }, delay: { fixedDelay: '1s' } },
        corsPolicy: { allowOrigins: [{ exact: 'a' }], allowMethods: ['GET'], maxAge: '1s' },
        rewrite: { uri: '/' },
        mirrors: [{ destination: { host: 'm' } }],
      },
    ],
  }),
  istio('DestinationRule', {
    host: 'a',
    subsets: [{ name: 'v1', labels: { a: 'b' } }],
    trafficPolicy: {
      connectionPool: {
        tcp: { connectTimeout: '1s', tcpKeepalive: { time: '1s' } },
        http: { http2KeepAlive: { interval: '1s', timeout: '1s' } },
      },
      loadBalancer: {
        consistentHash: {
          httpCookie: { name: 'c', ttl: '1s', attributes: [{ name: 'a' }] },
          maglev: { tableSize: 11 },
        },
        localityLbSetting: { distribute: [{ from: 'a', to: { 'a/b': 100 } }] },
        warmup: { duration: '1s' },
      },
      outlierDetection: { interval: '1s' },
      tls: { mode: 'SIMPLE', credentialName: 'c' },
      portLevelSettings: [{ port: { number: 1 }, loadBalancer: { simple: 'RANDOM' } }],
    },
    workloadSelector: { matchLabels: { a: 'b' } },
  }),
  istio('Gateway', {
    selector: { a: 'b' },
    servers: [
      {
        port: { number: 443, name: 'tls', protocol: 'TLS' },
        hosts: ['ns/a.com'],
        bind: '127.0.0.1',
        tls: {
          mode: 'MUTUAL',
          caCertificates: '/a',
          tlsCertificates: [{ serverCertificate: '/c', privateKey: '/k' }],
        },
      },
    ],
  }),
  istio('ServiceEntry', {
    hosts: ['a.com'],
    addresses: ['10.0.0.1'],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }],
    resolution: 'STATIC',
    endpoints: [{ address: '10.0.0.2', ports: { http: 8080 }, labels: { a: 'b' } }],
    exportTo: ['*'],
  }),
  istio('WorkloadEntry', { address: '10.0.0.1', ports: { http: 80 }, labels: { a: 'b' } }),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a' },
    spec: { ports: [{ port: 80 }], selector: { a: 'b' } },
  },
]

const profiles = fc.constantFrom('sidecar', 'ambient')

function findsWithoutThrowing(value: Json, profile: 'sidecar' | 'ambient'): void {
  for (const finding of findingsOf(value, { profile }))
    ok(finding.field !== undefined && finding.message !== '')
}

test('arbitrary JSON as a spec only adds findings', () => {
  const specs = fc.jsonValue({ maxDepth: 4 })
  fc.assert(
    fc.property(fc.constantFrom(...KINDS), specs, profiles, (kind, spec, profile) => {
      findsWithoutThrowing(istio(kind, spec), profile)
    }),
  )
})

test('arbitrary JSON anywhere in a valid resource only adds findings', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...VALID),
      fc.nat(),
      fc.jsonValue({ maxDepth: 2 }),
      profiles,
      (valid, at, planted, profile) => {
        findsWithoutThrowing(plant(valid, at, planted), profile)
      },
    ),
    { numRuns: runs(2000) },
  )
})

test('the valid resources of this test are valid', () => {
  for (const value of VALID) {
    const errors = findingsOf(value).filter(each => each.severity === 'error')
    ok(errors.length === 0, JSON.stringify(errors))
  }
})

/** `value` with `planted` at one of its places below the spec, counted around. */
function plant(value: Json, at: number, planted: unknown): Json {
  const copy = structuredClone(value)
  const places: (() => void)[] = []
  const visit = (parent: Record<string, unknown>, key: string): void => {
    places.push(() => {
      parent[key] = planted
    })
    const child = parent[key]
    if (typeof child !== 'object' || child === null) return
    for (const inner of Object.keys(child)) visit(child as Record<string, unknown>, inner)
  }
  visit(copy as Record<string, unknown>, 'spec')
  places[at % places.length]()
  return copy
}
