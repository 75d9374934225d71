/** Resources of a Kubernetes API beside those of files: each is taken or left out alone. */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { ApiEntry } from '../../src/config/api-objects.ts'
import { renderText } from '../../src/config/findings/render.ts'
import { type Loaded, loadConfig } from '../../src/config/load.ts'
import { type ApiObject, objectKey } from '../../src/config/text/read-objects.ts'

const ISTIO = 'networking.istio.io/v1'

const object = (kind: string, name: string, spec: object, apiVersion = ISTIO): ApiObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'shop' },
  spec,
})
const entry = (newest: ApiObject, lastGood: ApiObject | null = null): ApiEntry => ({
  key: objectKey(newest),
  object: newest,
  lastGood,
})

const TCP = { number: 9000, name: 'tcp', protocol: 'TCP' }
const GATEWAY = object('Gateway', 'edge', { selector: {}, servers: [{ port: TCP, hosts: ['*'] }] })
const SERVICE = object('Service', 'echo', { clusterIP: '10.0.0.1', ports: [{ port: 80 }] }, 'v1')
const route = (name: string, host: string, port = 80): ApiObject =>
  object('VirtualService', name, {
    hosts: ['*'],
    gateways: ['edge'],
    tcp: [{ route: [{ destination: { host, port: { number: port } } }] }],
  })
const WRONG = object('VirtualService', 'echo', { hosts: ['*'], gateways: ['edge'], tcp: [{ rout: [] }] })

const load = (objects: readonly ApiEntry[], text = ''): Loaded =>
  loadConfig(text === '' ? [] : [{ file: 'a.yaml', bytes: new TextEncoder().encode(text) }], {
    names: new Map(),
    objects,
  })
/** Where the rules of the Plan send connections. */
const hostsOf = ({ plan }: Loaded): string[] => plan?.clusters.map(each => each.host) ?? []
const codesOf = ({ diagnostics }: Loaded): string[] =>
  diagnostics.map(({ code, severity, file, line }) => `${code} ${severity} ${file} ${line}`)

test('resources of the API alone make a Plan', () => {
  const loaded = load([GATEWAY, SERVICE, route('echo', 'echo')].map(each => entry(each)))
  ok(loaded.plan)
  deepEqual(hostsOf(loaded), ['echo.shop.svc.cluster.local'])
  deepEqual(loaded.leftOut, [])
})

test('a wrong one is left out, and the rest is served', () => {
  const loaded = load([entry(GATEWAY), entry(SERVICE), entry(WRONG), entry(route('other', 'echo'))])
  deepEqual(hostsOf(loaded), ['echo.shop.svc.cluster.local'])
  deepEqual(loaded.leftOut, [{ key: objectKey(WRONG), title: 'VirtualService shop/echo', isKept: false }])
  ok(codesOf(loaded).includes('CFG102 error VirtualService shop/echo 0'))
})

test('its last good version stays in its place', () => {
  const loaded = load([entry(GATEWAY), entry(SERVICE), entry(WRONG, route('echo', 'echo'))])
  deepEqual(hostsOf(loaded), ['echo.shop.svc.cluster.local'])
  deepEqual(
    loaded.leftOut.map(each => each.isKept),
    [true],
  )
  equal(codesOf(loaded).filter(each => each.startsWith('CFG102')).length, 1)
})

test('one that does not fit together with the rest is left out, too, with its finding', () => {
  const mutual = (mode: string): ApiObject =>
    object('DestinationRule', 'tls', { host: 'echo', trafficPolicy: { tls: { mode } } })
  const loaded = load([
    entry(GATEWAY),
    entry(SERVICE),
    entry(mutual('ISTIO_MUTUAL'), mutual('DISABLE')),
    entry(route('echo', 'echo')),
  ])
  ok(loaded.plan)
  deepEqual(
    loaded.leftOut.map(({ title, isKept }) => [title, isKept]),
    [['DestinationRule shop/tls', true]],
  )
  deepEqual(
    codesOf(loaded).filter(each => each.includes('error')),
    ['CFG506 error DestinationRule shop/tls 0'],
  )
  const alone = load([
    entry(GATEWAY),
    entry(SERVICE),
    entry(mutual('ISTIO_MUTUAL')),
    entry(route('echo', 'echo')),
  ])
  ok(alone.plan)
  deepEqual(
    alone.leftOut.map(({ isKept }) => isKept),
    [false],
  )
})

test('of one resource in both, the one of the files is taken, with a warning there', () => {
  const text = `apiVersion: v1\nkind: Service\nmetadata: { name: echo, namespace: shop }\nspec: { ports: [{ port: 81 }] }\n`
  const loaded = load([entry(GATEWAY), entry(SERVICE), entry(route('echo', 'echo', 81))], text)
  ok(codesOf(loaded).includes('CFG018 warning a.yaml 3'))
  equal(loaded.plan?.clusters[0].kind, 'static')
})

test('an error in the files keeps everything from being served, objects included', () => {
  const loaded = load([entry(GATEWAY), entry(SERVICE), entry(route('echo', 'echo'))], 'kind: Gateway\n')
  equal(loaded.plan, null)
})

test('the place of a finding is the resource and its field', () => {
  const { diagnostics } = load([entry(WRONG)])
  const text = renderText(diagnostics.filter(each => each.code === 'CFG102'))
  ok(text.startsWith('VirtualService shop/echo spec.tcp[0].rout: error CFG102:'), text)
})
