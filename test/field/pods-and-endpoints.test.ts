/**
 * Goal: who has an address, who is an endpoint, at which address and port, as Kubernetes decides
 * it. Method: Services with the objects that a cluster has beside them, and the endpoints that a
 * connection could get.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asked, endpoints, pod, running, service, serviceEntry, slice, workloadEntry } from './ask.ts'

const WEB = '10.0.0.1:80'
/** Service shop/web at 10.0.0.1:80 for app=web, with more fields. */
const web = (more = ''): string =>
  service(
    'shop/web',
    `spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [{name: tcp, port: 80}]${more}}`,
  )
const phase = (id: string, ip: string, state: string, metadata = 'labels: {app: web}'): string =>
  pod(id, `status: {podIP: ${ip}, ${state}}`, metadata)
const ready = (status: string): string => `phase: Running, conditions: [{type: Ready, status: "${status}"}]`

test('a finished Pod has no address any more: neither is it the client, nor an endpoint', () => {
  const all = asked(
    phase('jobs/import', '10.1.0.4', 'podIPs: [{ip: 10.1.0.4}], phase: Failed', 'labels: {app: import}'),
    phase('jobs/done', '10.1.0.4', 'phase: Succeeded', 'labels: {app: done}'),
    phase('shop/web-1', '10.1.0.4', 'phase: Running'),
    service(
      'jobs/import',
      'spec: {clusterIP: 10.0.0.2, selector: {app: import}, ports: [{name: tcp, port: 80}]}',
    ),
    web(),
  )
  assert.deepEqual(all.explain(WEB, { from: '10.1.0.4' }).client, {
    namespace: 'shop',
    labels: { app: 'web' },
  })
  assert.equal(all.reach(WEB), '10.1.0.4:80')
  assert.equal(all.reach('10.0.0.2:80'), '')
  assert.deepEqual(all.codes, ['CFG404'])
})

test('two live workloads at one address are told of; one that is being deleted gives way in silence', () => {
  const deleted = 'labels: {app: old}, deletionTimestamp: "2026-01-01T00:00:00Z"'
  const client = (...pods: string[]) => {
    const all = asked(web(), ...pods)
    return [
      all.explain(WEB, { from: '10.1.0.4' }).client.namespace,
      all.codes.filter(code => code === 'CFG414'),
    ]
  }
  const [a, b] = ['a/one', 'b/two'].map(id => phase(id, '10.1.0.4', 'phase: Running'))
  assert.deepEqual(client(a, b), ['a', ['CFG414']])
  assert.deepEqual(client(phase('a/one', '10.1.0.4', 'phase: Running', deleted), b), ['b', []])
  assert.deepEqual(client(phase('a/one', '10.1.0.4', 'phase: Running', deleted)), ['a', []])
  const node = pod('a/node', 'spec: {hostNetwork: true}\nstatus: {podIP: 10.1.0.4, phase: Running}')
  assert.deepEqual(client(node, b), ['b', []], 'the address of its node is not its own')
  assert.deepEqual(client(node), [null, []])
})

test('one address is one, however it is spelt', () => {
  const all = asked(
    web(),
    phase('a/one', '"2001:DB8:0::7"', 'phase: Running'),
    phase('b/two', '"2001:db8::7"', 'phase: Running'),
  )
  assert.deepEqual(
    all.codes.filter(code => code === 'CFG414'),
    ['CFG414'],
  )
})

test('a Pod is an endpoint where its condition Ready is True; without conditions, where it runs', () => {
  const states: [string, string][] = [
    [ready('True'), '10.1.0.4:80'],
    [ready('False'), ''],
    [ready('Unknown'), ''],
    ['phase: Running', '10.1.0.4:80'],
    ['phase: Pending', ''],
    ['phase: Unknown', ''],
    ['podIPs: []', '10.1.0.4:80'],
  ]
  for (const [state, reached] of states) {
    assert.equal(asked(web(), phase('shop/web-1', '10.1.0.4', state)).reach(WEB), reached, state)
  }
})

test('publishNotReadyAddresses takes Pods that are not ready, but no finished one', () => {
  const all = asked(
    web(', publishNotReadyAddresses: true'),
    phase('shop/web-1', '10.1.0.4', ready('False')),
    phase('shop/web-2', '10.1.0.5', 'phase: Pending'),
    phase('shop/web-3', '10.1.0.6', 'phase: Succeeded'),
  )
  assert.equal(all.reach(WEB), '10.1.0.4:80 10.1.0.5:80')
})

test('a Pod that is being deleted serves only while no other does, and never once it is not ready', () => {
  const deleted = 'labels: {app: web}, deletionTimestamp: "2026-01-01T00:00:00Z"'
  const old = phase('shop/web-1', '10.1.0.4', ready('True'), deleted)
  assert.equal(asked(web(), old, phase('shop/web-2', '10.1.0.5', ready('True'))).reach(WEB), '10.1.0.5:80')
  assert.equal(asked(web(), old, phase('shop/web-2', '10.1.0.5', ready('False'))).reach(WEB), '10.1.0.4:80')
  assert.equal(asked(web(), phase('shop/web-1', '10.1.0.4', ready('False'), deleted)).reach(WEB), '')
  const published = asked(
    web(', publishNotReadyAddresses: true'),
    old,
    phase('shop/web-2', '10.1.0.5', ready('True')),
  )
  assert.equal(published.reach(WEB), '10.1.0.4:80 10.1.0.5:80', 'published, it counts as ready')
})

test('conditions of slices that are not given mean: ready, serving as ready, not terminating', () => {
  const conditions: [string, string][] = [
    ['', '10.1.0.4:8080'],
    ['conditions: {}', '10.1.0.4:8080'],
    ['conditions: {ready: null}', '10.1.0.4:8080'],
    ['conditions: {ready: true, serving: true, terminating: true}', '10.1.0.4:8080'],
    ['conditions: {ready: false}', ''],
    ['conditions: {ready: false, serving: true}', ''],
    ['conditions: {ready: false, terminating: true}', ''],
    ['conditions: {ready: false, serving: false, terminating: true}', ''],
    ['conditions: {ready: false, serving: true, terminating: true}', '10.1.0.4:8080'],
  ]
  for (const [text, reached] of conditions) {
    const all = (...more: string[]) =>
      asked(
        web(),
        slice(
          'shop/web',
          'IPv4',
          `ports: [{name: tcp, port: 8080}]\nendpoints: [{addresses: [10.1.0.4]${text && `, ${text}`}}${more.join('')}]`,
        ),
      ).reach(WEB)
    assert.equal(all(), reached, text)
    const draining = text.includes('ready: false')
    const both = all(', {addresses: [10.1.0.5]}')
    assert.equal(both, draining ? '10.1.0.5:8080' : `${reached} 10.1.0.5:8080`, `${text} beside a ready one`)
  }
})

test('a slice that names no Service is told of, and one of several clusters is left out', () => {
  const bare = slice(
    'shop/web',
    'IPv4',
    'ports: [{name: tcp, port: 82}]\nendpoints: [{addresses: [10.1.0.6]}]',
  )
  const lost = asked(web(), bare.replace('kubernetes.io/service-name: web', 'app: web'))
  assert.deepEqual([lost.reach(WEB), lost.codes], ['', ['CFG403', 'CFG404']])
  const mcs = asked(
    web(),
    bare.replace('{kubernetes.io', '{multicluster.kubernetes.io/service-name: web, kubernetes.io'),
  )
  assert.deepEqual([mcs.reach(WEB), mcs.codes], ['', ['CFG404']])
})

test('slices go before Endpoints, Endpoints before the selector; WorkloadEntries of the selector join each', () => {
  const parts = {
    selector: running('shop/web-1', '10.1.0.4', 'app: web'),
    endpoints: endpoints(
      'shop/web',
      'subsets: [{addresses: [{ip: 10.1.0.5}], notReadyAddresses: [{ip: 10.1.0.9}], ports: [{name: tcp, port: 81}]}]',
    ),
    slices: slice('shop/web', 'IPv4', 'ports: [{name: tcp, port: 82}]\nendpoints: [{addresses: [10.1.0.6]}]'),
    entry: workloadEntry('shop/vm', 'spec: {address: 10.1.0.7, labels: {app: web}}'),
  }
  const { selector, slices, entry } = parts
  assert.equal(asked(web(), selector).reach(WEB), '10.1.0.4:80')
  assert.equal(asked(web(), selector, parts.endpoints).reach(WEB), '10.1.0.5:81')
  assert.equal(asked(web(), selector, parts.endpoints, slices).reach(WEB), '10.1.0.6:82')
  assert.equal(asked(web(), selector, slices, entry).reach(WEB), '10.1.0.7:80 10.1.0.6:82')
})

test('without a selector nobody is an endpoint but those that slices or Endpoints name', () => {
  const bare = service('shop/web', 'spec: {clusterIP: 10.0.0.1, ports: [{name: tcp, port: 80}]}')
  assert.equal(asked(bare, running('shop/web-1', '10.1.0.4', 'app: web')).reach(WEB), '')
  const manual = slice(
    'shop/web',
    'IPv4',
    'ports: [{name: tcp, port: 82}]\nendpoints: [{addresses: [10.1.0.6]}]',
  )
  assert.equal(asked(bare, manual).reach(WEB), '10.1.0.6:82')
})

test('a WorkloadEntry whose health check has not passed is no endpoint', () => {
  const vm = (more: string, status: string) =>
    asked(
      web(),
      workloadEntry('shop/vm', `spec: {address: 10.1.0.7, labels: {app: web}}\n${status}`, more),
    ).reach(WEB)
  const checked = 'annotations: {proxy.istio.io/health-checks-enabled: "true"}'
  const healthy = (status: string) => `status: {conditions: [{type: Healthy, status: "${status}"}]}`
  assert.equal(vm('', healthy('False')), '10.1.0.7:80', 'nobody checks it')
  assert.deepEqual(
    ['True', 'False'].map(status => vm(checked, healthy(status))),
    ['10.1.0.7:80', ''],
  )
  assert.equal(vm(checked, ''), '', 'not checked yet')
  assert.equal(vm(checked, healthy('True').replace('Healthy', 'Ready')), '', 'another condition')
})

test('a Service has endpoints of its families only', () => {
  const both = running('shop/web-1', '10.1.0.4 2001:db8::4', 'app: web')
  const families = (text: string, ...more: string[]) => asked(web(text), both, ...more).reach(WEB)
  assert.equal(families(''), '10.1.0.4:80')
  assert.equal(families(', ipFamilies: [IPv4], ipFamilyPolicy: SingleStack'), '10.1.0.4:80')
  assert.equal(families(', ipFamilies: [IPv6]'), '[2001:db8::4]:80')
  const six = running('shop/web-1', '2001:db8::4', 'app: web')
  assert.equal(asked(web(), six).reach(WEB), '', 'the Service has an IPv4 address')
  const entry = serviceEntry(
    'shop/ext',
    'spec: {hosts: [ext.example.com], addresses: [10.0.0.9], resolution: STATIC, ports: [{number: 80, name: tcp, protocol: TCP}], workloadSelector: {labels: {app: web}}}',
  )
  assert.equal(asked(entry, both).reach('10.0.0.9:80'), '10.1.0.4:80')
  const slices = asked(
    web(', ipFamilies: [IPv4]'),
    slice('shop/web', 'IPv4', 'ports: [{name: tcp, port: 82}]\nendpoints: [{addresses: [10.1.0.6]}]'),
    slice('shop/web', 'IPv6', 'ports: [{name: tcp, port: 82}]\nendpoints: [{addresses: ["2001:db8::6"]}]'),
  )
  assert.equal(slices.reach(WEB), '10.1.0.6:82')
  assert.deepEqual(slices.codes, ['CFG403'])
})

test('a Pod of a dual-stack Service is one endpoint, at the address of the family that was dialled', () => {
  const dual = service(
    'shop/web',
    'spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, "fd00::1"], ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack, selector: {app: web}, ports: [{name: tcp, port: 80}]}',
  )
  const target = (name: string) => `targetRef: {kind: Pod, name: ${name}}`
  const files: string[][] = [
    [
      running('shop/web-1', '10.1.0.4 2001:db8::4', 'app: web'),
      running('shop/web-2', '2001:db8::5', 'app: web'),
    ],
    [
      slice(
        'shop/web',
        'IPv4',
        `ports: [{name: tcp, port: 80}]\nendpoints: [{addresses: [10.1.0.4], ${target('web-1')}}]`,
      ),
      slice(
        'shop/web',
        'IPv6',
        `ports: [{name: tcp, port: 80}]\nendpoints: [{addresses: ["2001:db8::4"], ${target('web-1')}}, {addresses: ["2001:db8::5"], ${target('web-2')}}]`,
      ),
    ],
  ]
  for (const objects of files) {
    const all = asked(dual, ...objects)
    assert.equal(all.reach(WEB), '10.1.0.4:80 [2001:db8::5]:80')
    assert.equal(all.reach('[fd00::1]:80'), '[2001:db8::4]:80 [2001:db8::5]:80')
    assert.equal(all.explain(':80').outcome, 'default', 'the one service on the port, by whatever address')
  }
})

test('a named target port is the first TCP port of that name; containers go before sidecars', () => {
  const named = (containers: string, initContainers = '[]') =>
    asked(
      service(
        'shop/web',
        'spec: {clusterIP: 10.0.0.1, selector: {app: web}, ports: [{port: 80, targetPort: web}]}',
      ),
      pod(
        'shop/web-1',
        `spec: {containers: ${containers}, initContainers: ${initContainers}}\nstatus: {podIP: 10.1.0.4, phase: Running}`,
        'labels: {app: web}',
      ),
    ).reach(WEB)
  const port = (number: number, protocol: string, name = 'web') =>
    `{ports: [{name: ${name}, containerPort: ${number}${protocol && `, protocol: ${protocol}`}}]`
  assert.equal(named(`[${port(1, 'TCP')}}, ${port(2, 'TCP')}}]`), '10.1.0.4:1')
  assert.equal(named(`[${port(1, 'UDP')}}, ${port(2, 'SCTP')}}, ${port(3, '')}}]`), '10.1.0.4:3')
  assert.equal(named(`[${port(1, 'UDP')}}]`), '', 'no TCP port has the name')
  assert.equal(
    named('[{name: main}]', `[${port(1, '')}}, ${port(2, '')}, restartPolicy: Always}]`),
    '10.1.0.4:2',
  )
  assert.equal(named(`[${port(3, '')}}]`, `[${port(2, '')}, restartPolicy: Always}]`), '10.1.0.4:3')
  assert.equal(
    named(`[${port(1, '', 'toString')}}]`),
    '',
    'a name is looked up among the names that are there',
  )
})

test('UDP and SCTP ports of a Service are not carried, also where a TCP port has the number', () => {
  const all = asked(
    service(
      'shop/dns',
      'spec: {clusterIP: 10.0.0.1, selector: {app: dns}, ports: [{name: dns, port: 53, protocol: UDP, targetPort: 1}, {name: dns-tcp, port: 53, targetPort: 2}, {name: other, port: 80, protocol: SCTP}]}',
    ),
    running('shop/dns-1', '10.1.0.4', 'app: dns'),
  )
  assert.equal(all.reach('10.0.0.1:53'), '10.1.0.4:2')
  assert.equal(all.explain(WEB).outcome, 'no-route')
})
