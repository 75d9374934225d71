/**
 * Goal: each finding is reported once, at the wrong place, and names the other place. Method: a
 * small configuration as text, so that the lines are real.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKENDS, CHECK, found, load, resource, route } from './lint-kit.ts'

const GATEWAY = resource(
  'Gateway',
  'edge',
  "  servers: [{port: {number: 7000, name: tcp, protocol: TCP}, hosts: ['*']}]",
)
const CLOSED = resource(
  'Settings',
  'weir',
  '  {mesh: {capture: none}, sources: [{cidr: 10.0.0.1, namespace: shop, labels: {app: web}}]}',
  'gateway.weir',
)
const HEAD = BACKENDS + GATEWAY + CLOSED
/** The line of the first route of the first VirtualService after HEAD. */
const FIRST = HEAD.split('\n').length + 7

const any = (host = 'one') => `    - {route: [{destination: {host: ${host}.example}}]}`
const routes = (name: string, ...lines: string[]) =>
  resource('VirtualService', name, `  hosts: ['*']\n  gateways: [edge]\n  tcp:\n${lines.join('\n')}`)
const to = (...subnets: string[]) => `destinationSubnets: [${subnets.join(', ')}]`

test('a configuration as it should be has no finding, nor a note', () => {
  const own = routes('a', route(`{${to('10.1.0.0/16')}}`), route('{sourceLabels: {app: web}}', 'two'), any())
  assert.deepEqual(found(HEAD + own), [])
})

test('a route inside an earlier one names both lines, and says that list order decides', () => {
  const text =
    HEAD + routes('a', route(`{${to('10.0.0.0/8')}}`), route(`{${to('10.1.0.0/16')}}`, 'two'), any())
  assert.deepEqual(found(text), [
    `IST0130 ${FIRST + 1}: tcp[1] is never used: tcp[0].match[0] (a.yaml:${FIRST}) takes its connections first`,
  ])
  assert.match(load(text)[0].hint ?? '', /not the longest prefix/)
})

test('two halves cover their whole, and both are named', () => {
  const text =
    HEAD +
    routes(
      'a',
      route(`{${to('10.0.0.0/25')}}`),
      route(`{${to('10.0.0.128/25')}}`),
      route(`{${to('10.0.0.0/24')}}`),
    )
  assert.deepEqual(found(text), [
    `IST0130 ${FIRST + 2}: tcp[2] is never used: tcp[0].match[0] (a.yaml:${FIRST}) and tcp[1].match[0] (a.yaml:${FIRST + 1}) together take its connections first`,
  ])
})

test('one match of several is found, one range of several, and nothing of what asks for less', () => {
  const matches = (...texts: string[]) => texts.map(text => `{${text}}`).join(', ')
  const text =
    HEAD +
    routes(
      'a',
      route(matches(`${to('10.0.0.0/8')}, sourceLabels: {app: web}`)),
      route(
        matches(`${to('10.1.0.0/16')}, sourceLabels: {app: web}, sourceNamespace: shop`, to('11.0.0.0/8')),
      ),
      route(matches(to('11.1.0.0/16', '12.0.0.0/8'))),
      route(matches(to('10.0.0.0/8'))),
    )
  assert.deepEqual(found(text), [
    `IST0131 ${FIRST + 1}: match[0] of tcp[1] is never used: tcp[0].match[0] (a.yaml:${FIRST}) takes its connections first`,
    `CFG451 ${FIRST + 2}: 11.1.0.0/16 is never used here: tcp[1].match[1] (a.yaml:${FIRST + 1}) takes its connections first`,
  ])
})

test('an older VirtualService that takes everything is named, once for all routes of a younger one', () => {
  const young = routes(
    'name: young, creationTimestamp: 2024-01-01T00:00:00Z',
    route(`{${to('10.1.0.0/16')}}`),
    any(),
  )
  const old = routes('old', any('two'))
  const lines = found(HEAD + old + young)
  const below = FIRST + old.split('\n').length - 2 // the line of `tcp:`
  assert.deepEqual(lines, [
    `IST0130 ${below}: none of the 2 routes is ever used: VirtualService default/old tcp[0] (a.yaml:${FIRST}) takes its connections first`,
  ])
})

test('what istiod finds by itself is said once, with both lines', () => {
  const twice = route(`{${to('10.0.0.0/8')}}`)
  assert.deepEqual(found(HEAD + routes('a', twice, twice, any(), any())), [
    `IST0131 ${FIRST + 1}: match[0] is the same as tcp[0].match[0] (a.yaml:${FIRST})`,
    `IST0130 ${FIRST + 1}: tcp[1] is never used: all its matches repeat those of earlier routes`,
    `IST0130 ${FIRST + 3}: tcp[3] is never used: tcp[2] (a.yaml:${FIRST + 2}) has no match and takes everything`,
  ])
})

test('a rule that another listener uses is no finding', () => {
  const second = resource(
    'Gateway',
    'second',
    "  servers: [{port: {number: 7001, name: tcp, protocol: TCP}, hosts: ['*']}]",
  )
  const text = routes('a', route('{gateways: [edge]}'), any('two')).replace('[edge]\n', '[edge, second]\n')
  assert.deepEqual(found(HEAD + text + second), [])
})

test('a wider range of an earlier rule that only some clients fit is a note, once for all that it goes before', () => {
  const text =
    HEAD +
    routes(
      'a',
      route(`{${to('10.0.0.0/8')}, sourceLabels: {app: web}}`),
      route(`{${to('10.1.0.0/16')}}`, 'two'),
      route(`{${to('10.2.0.0/16')}}`, 'two'),
      any(),
    )
  assert.deepEqual(found(text), [
    `CFG454 ${FIRST + 1}: tcp[0].match[0] (a.yaml:${FIRST}) has a wider range around 10.1.0.0/16 and comes first, so it takes connections that match both; it also precedes 1 more`,
  ])
  assert.deepEqual(found(text, { ...CHECK, notes: false }), [], 'notes are for weir check')
})

test('ranges inside others of one match are one note', () => {
  const text = HEAD + routes('a', route(`{${to('10.0.0.0/8', '10.1.0.0/16', '10.0.0.0/8')}}`))
  assert.deepEqual(found(text), [
    `CFG453 ${FIRST}: 10.1.0.0/16 is inside 10.0.0.0/8 of the same match, and 1 more of its ranges has no effect either`,
  ])
})

test('ranges that no address of the listener lies in are one finding', () => {
  const bound = HEAD.replace('servers: [{', 'servers: [{bind: 127.0.0.1, ')
  const text =
    bound + routes('a', route(`{${to('10.0.0.0/8')}}`), route(`{${to('11.0.0.0/8', '127.0.0.0/8')}}`))
  assert.deepEqual(found(text), [
    `CFG452 ${FIRST}: no service and no listener of the rule has an address in 10.0.0.0/8, nor in 1 other range of this VirtualService`,
  ])
})

test('labels that no client has are found, also where several matches ask for them', () => {
  const text =
    HEAD +
    routes(
      'a',
      route('{sourceLabels: {app: db}}'),
      route('{sourceLabels: {app: db}, port: 7000}, {sourceNamespace: shop}'),
    )
  assert.deepEqual(
    found(text)[0],
    `IST0127 ${FIRST}: no known client is labelled "app=db"; 1 more of its matches require the same`,
  )
})

test('a destination without endpoint is told with its share, and so are idle and repeated ones', () => {
  const subset = resource(
    'DestinationRule',
    'one',
    '  {host: one.example, subsets: [{name: v1, labels: {version: v1}}, {name: v2}, {name: v3}]}',
  )
  const split =
    '    - {route: [{destination: {host: one.example, subset: v1}, weight: 1}, {destination: {host: one.example, subset: v2}, weight: 3}, {destination: {host: two.example}}, {destination: {host: two.example}, weight: 0}]}'
  const list = found(HEAD + subset + routes('a', split)).map(each => each.replace(/ \d+:/, ''))
  assert.deepEqual(list.toSorted(), [
    'CFG456 "two.example" has no weight, so it gets no connections beside the others',
    'CFG457 "two.example" gets no connections: its weight is 0',
    `CFG458 "two.example" is already in this route, on line ${FIRST + subset.split('\n').length - 1}`,
    'CFG459 25 % of the connections of tcp[0] are reset: "one.example" subset v1 has no endpoint',
    'CFG461 no route names subset "v3" of "one.example"',
    'IST0173 The Subset v1 defined in the DestinationRule does not select any endpoint.',
  ])
})

test('a name that is still to be resolved is no missing endpoint', () => {
  const named = HEAD.replace('resolution: STATIC, endpoints: [{address: 10.9.9.9}]', 'resolution: DNS')
  assert.deepEqual(found(named + routes('a', any())), [])
})

test('listeners in each other’s way: the admin listener, a narrower address, a port not to be opened', () => {
  const gateway = (name: string, bind: string, port: number) =>
    resource(
      'Gateway',
      name,
      `  servers: [{bind: '${bind}', port: {number: ${port}, name: tcp, protocol: TCP}, hosts: ['*']}]`,
    )
  const texts = [
    gateway('wide', '0.0.0.0', 443),
    gateway('narrow', '127.0.0.1', 443),
    gateway('other', '::1', 443),
    gateway('admin', '0.0.0.0', 15021),
    gateway('beside', '127.0.0.2', 15021),
  ]
  const bound = routes('a', any()).replace('[edge]', '[wide, narrow, other, admin, beside]')
  const settings = resource('Settings', 'weir', '  {mesh: {capture: none}}', 'gateway.weir')
  const list = found(BACKENDS + texts.join('') + settings + bound, { notes: true, openPortsFrom: 1024 })
  assert.deepEqual(
    list.map(each => each.replace(/ \d+:/, '')),
    [
      'CFG481 port 443 needs a permission that this process lacks: without it, ports begin at 1024',
      'CFG465 Gateway default/narrow at 127.0.0.1:443 takes the connections to its address, before Gateway default/wide at 0.0.0.0:443',
      'CFG481 port 443 needs a permission that this process lacks: without it, ports begin at 1024',
      'CFG481 port 443 needs a permission that this process lacks: without it, ports begin at 1024',
      'CFG464 the admin listener uses 127.0.0.1:15021: Gateway default/admin at 0.0.0.0:15021 cannot open',
      'CFG465 Gateway default/beside at 127.0.0.2:15021 takes the connections to its address, before Gateway default/admin at 0.0.0.0:15021',
    ],
  )
})

test('an endpoint that is a listener of this process is found, wherever the listener is bound', () => {
  const own = (address: string, bind: string) =>
    found(
      HEAD.replaceAll('10.9.9.9', address)
        .replaceAll('number: 9000', 'number: 7000')
        .replace('servers: [{', `servers: [{${bind === '' ? '' : `bind: '${bind}', `}`) + routes('a', any()),
    ).map(each => each.slice(0, 6))
  assert.deepEqual(own('127.0.0.9', ''), ['CFG460'])
  assert.deepEqual(own('192.0.2.9', '192.0.2.9'), ['CFG460'])
  assert.deepEqual(own('127.0.0.9', '127.0.0.8'), [])
  assert.deepEqual(own('192.0.2.9', ''), [])
})

test('a service whose selector picks nothing says what it looks for', () => {
  const service =
    'apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\nspec: {clusterIP: 10.0.0.1, selector: {app: db}, ports: [{port: 1}]}\n'
  assert.deepEqual(
    load(service).map(({ code, hint }) => [code, hint]),
    [['CFG404', 'its selector (app=db) picks no ready Pod and no WorkloadEntry of namespace shop']],
  )
})

test('a Gateway that no VirtualService uses, and one for other workloads', () => {
  const settings = CLOSED.replace('{mesh', '{workload: {labels: {istio: inner}}, mesh')
  const edge = GATEWAY.replace('spec:\n', 'spec:\n  selector: {istio: edge}\n')
  assert.deepEqual(
    found(BACKENDS + GATEWAY + CLOSED).map(each => each.slice(0, 6)),
    ['CFG462'],
  )
  assert.deepEqual(
    found(BACKENDS + edge + settings).map(each => each.slice(0, 6)),
    ['CFG463'],
  )
})

test('of very many rules that are never used the first are told, and the others counted', () => {
  const many = Array.from({ length: 300 }, (_, index) =>
    route(`{${to(`10.0.${index >> 8}.${index & 255}`)}}`),
  )
  const list = found(HEAD + routes('a', route(`{${to('10.0.0.0/8')}}`), ...many))
  assert.equal(list.length, 101)
  assert.match(list[0], /and 200 more in this VirtualService that are never used/)
})
