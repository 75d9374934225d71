/** The rules for ServiceEntry and WorkloadEntry, each with cases of its own. */

import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { findingsOf, istio, type Json, rules, verdict } from './validate-kit.ts'

const ports = [{ number: 80, name: 'http', protocol: 'HTTP' }]
const entry = (fields: Json): Json => ({ hosts: ['a.example.com'], ports, resolution: 'STATIC', ...fields })
const host = (text: string): Json => entry({ hosts: [text] })
const address = (text: string, resolution = 'STATIC'): Json => entry({ addresses: [text], resolution })
const port = (fields: Json): Json => entry({ ports: [{ ...ports[0], ...fields }] })
const endpoint = (fields: Json, resolution = 'STATIC'): Json => entry({ endpoints: [fields], resolution })
const dynamic = (fields: Json): Json =>
  entry({ hosts: ['*.example.com'], resolution: 'DYNAMIC_DNS', ...fields })
const tcp = { number: 5432, name: 'tcp', protocol: 'TCP' }
const selector = { labels: { app: 'a' } }

const HOST = 'CFG201 spec.hosts[0]'
const ADDRESS = 'CFG203 spec.endpoints[0].address'

rules('ServiceEntry', {
  'hosts are names, no bare wildcard': [
    ['a name', host('db.example.com')],
    ['a short one', host('db')],
    ['a wildcard', host('*.example.com')],
    ['a partial wildcard', host('*example.com'), 'CFG253 spec.hosts[0]'],
    ['everything', host('*'), HOST],
    ['an address', host('10.0.0.1'), HOST],
    ['none', entry({ hosts: undefined }), 'CFG103 spec.hosts'],
    ['an empty list', entry({ hosts: [] }), 'CFG101 spec.hosts'],
  ],
  'addresses are IP addresses, or ranges where nothing is resolved': [
    ['an address', address('10.0.0.1')],
    ['IPv6', address('2001:db8::1')],
    ['a range', address('10.0.0.0/8')],
    ['a range with NONE', address('10.0.0.0/8', 'NONE')],
    ['a range with DNS', address('10.0.0.0/8', 'DNS'), 'CFG210 spec.addresses[0]'],
    ['a name', address('a.com'), 'CFG203 spec.addresses[0]'],
    ['a long text', address('1'.repeat(65)), 'CFG101 spec.addresses[0]'],
  ],
  'ports have unique names and numbers': [
    ['without protocol', entry({ ports: [{ number: 1, name: 'a' }], addresses: ['10.0.0.1'] })],
    ['the same name', entry({ ports: [ports[0], { ...ports[0], number: 81 }] }), 'CFG209 spec.ports[1].name'],
    [
      'the same number',
      entry({ ports: [ports[0], { ...ports[0], name: 'b' }] }),
      'CFG209 spec.ports[1].number',
    ],
    ['no name', port({ name: undefined }), 'CFG103 spec.ports[0].name'],
    ['an empty name', port({ name: '' }), 'CFG217 spec.ports[0].name'],
    ['a bad name', port({ name: 'a_b' }), 'CFG217 spec.ports[0].name'],
    ['no number', port({ number: undefined }), 'CFG103 spec.ports[0].number'],
    ['number 0', port({ number: 0 }), 'CFG202 spec.ports[0].number'],
    ['a number too large', port({ number: 99999 }), 'CFG202 spec.ports[0].number'],
    ['an unknown protocol', port({ protocol: 'SCTP' }), 'CFG213 spec.ports[0].protocol'],
    ['a target', port({ targetPort: 8080 })],
    ['a target too large', port({ targetPort: 99999 }), 'CFG202 spec.ports[0].targetPort'],
    ['a target of 0', port({ targetPort: 0 }), 'CFG202 spec.ports[0].targetPort'],
    ['null', entry({ ports: [null] }), 'CFG101 spec.ports[0]'],
    ['none at all', entry({ ports: undefined })],
  ],
  'TCP ports without address take what comes': [
    ['with an address', entry({ ports: [tcp], addresses: ['10.0.0.1'], resolution: 'NONE' })],
    ['with an address of Istio', entry({ ports: [tcp] })],
    ['with neither', entry({ ports: [tcp], resolution: 'NONE' }), 'CFG253 spec.ports[0]'],
    ['with no resolution', entry({ ports: [tcp], resolution: undefined }), 'CFG253 spec.ports[0]'],
    ['with null for it', entry({ ports: [tcp], resolution: null }), 'CFG253 spec.ports[0]'],
  ],
  'a workload selector excludes endpoints': [
    ['good', entry({ workloadSelector: selector })],
    ['with DNS', entry({ workloadSelector: selector, resolution: 'DNS' })],
    [
      'and endpoints',
      entry({ workloadSelector: selector, endpoints: [{ address: '10.0.0.1' }] }),
      'CFG210 spec.workloadSelector',
    ],
    ['with NONE', entry({ workloadSelector: selector, resolution: 'NONE' }), 'CFG252 spec.workloadSelector'],
    ['empty', entry({ workloadSelector: {} }), 'CFG252 spec.workloadSelector'],
    [
      'a wildcard',
      entry({ workloadSelector: { labels: { app: '*' } } }),
      'CFG204 spec.workloadSelector.labels.app',
    ],
    [
      'a wildcard key',
      entry({ workloadSelector: { labels: { '*': 'a' } } }),
      'CFG204 spec.workloadSelector.labels["*"]',
    ],
  ],
  'resolution NONE has no endpoints': [
    ['none', entry({ resolution: 'NONE' })],
    ['one', endpoint({ address: '10.0.0.1' }, 'NONE'), 'CFG210 spec.endpoints'],
    ['an empty list', entry({ resolution: 'NONE', endpoints: [] }), 'CFG210 spec.endpoints'],
    ['an unknown one', entry({ resolution: 'LATER' }), 'CFG101 spec.resolution'],
  ],
  'resolution STATIC has addresses': [
    ['an address', endpoint({ address: '10.0.0.1', ports: { http: 8080 }, labels: { app: 'a' } })],
    ['a unix socket', endpoint({ address: 'unix:///run/a' })],
    ['a name', endpoint({ address: 'a.com' }), ADDRESS],
    ['nothing', endpoint({}), 'CFG211 spec.endpoints[0].address'],
    ['a network', endpoint({ network: 'n' }), 'CFG252 spec.endpoints[0].address'],
    [
      'a port of no such name',
      endpoint({ address: '10.0.0.1', ports: { nope: 1 } }),
      'CFG210 spec.endpoints[0].ports.nope',
    ],
    [
      'a port too large',
      endpoint({ address: '10.0.0.1', ports: { http: 65536 } }),
      'CFG202 spec.endpoints[0].ports.http',
    ],
    [
      'a bad label',
      endpoint({ address: '10.0.0.1', labels: { '^': 'x' } }),
      'CFG204 spec.endpoints[0].labels["^"]',
    ],
    [
      'a unix socket with ports',
      endpoint({ address: 'unix:///a', ports: { http: 1 } }),
      'CFG210 spec.endpoints[0].ports',
    ],
    ['a relative socket', endpoint({ address: 'unix://a' }), ADDRESS],
    ['an abstract folder', endpoint({ address: 'unix://@a/' }), ADDRESS],
    [
      'a unix socket for two ports',
      entry({
        ports: [ports[0], { ...ports[0], name: 'b', number: 81 }],
        endpoints: [{ address: 'unix:///a' }],
      }),
      'CFG210 spec.endpoints[0].address',
    ],
  ],
  'resolution DNS has names': [
    ['its own host', entry({ resolution: 'DNS' })],
    [
      'names and addresses',
      entry({
        resolution: 'DNS',
        endpoints: [{ address: 'b.com', ports: { http: 1 } }, { address: '10.0.0.1' }],
      }),
    ],
    [
      'a wildcard with endpoints',
      entry({ hosts: ['*.a.com'], resolution: 'DNS', endpoints: [{ address: 'b.com' }] }),
    ],
    ['a wildcard without', entry({ hosts: ['*.a.com'], resolution: 'DNS' }), HOST],
    ['a wildcard as endpoint', endpoint({ address: '*.b.com' }, 'DNS'), ADDRESS],
    ['a unix socket', endpoint({ address: 'unix:///a' }, 'DNS'), ADDRESS],
    ['no address', endpoint({ network: 'n' }, 'DNS'), 'CFG211 spec.endpoints[0].address'],
    [
      'a port of no such name',
      endpoint({ address: 'b.com', ports: { nope: 1 } }, 'DNS'),
      'CFG210 spec.endpoints[0].ports.nope',
    ],
    [
      'a name in other letters',
      endpoint({ address: 'bücher.example' }, 'DNS'),
      'CFG203 spec.endpoints[0].address',
    ],
    ['the same as DNS writes it', endpoint({ address: 'xn--bcher-kva.example' }, 'DNS')],
    ['round robin over one', endpoint({ address: 'b.com' }, 'DNS_ROUND_ROBIN')],
    [
      'round robin over two',
      entry({ resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'b.com' }, { address: 'c.com' }] }),
      'CFG210 spec.endpoints',
    ],
  ],
  'resolution DYNAMIC_DNS is for wildcards over HTTP or TLS': [
    ['good', dynamic({})],
    ['a partial wildcard', dynamic({ hosts: ['*example.com'] })],
    ['in the mesh', dynamic({ location: 'MESH_INTERNAL' })],
    ['each protocol', dynamic({ ports: [{ number: 443, name: 'tls', protocol: 'tls' }] })],
    ['a name', dynamic({ hosts: ['a.com'] }), HOST],
    ['TCP', dynamic({ ports: [tcp] }), 'CFG210 spec.ports[0].protocol'],
    ['addresses', dynamic({ addresses: ['10.0.0.1'] }), 'CFG210 spec.addresses'],
    ['endpoints', dynamic({ endpoints: [{ address: '10.0.0.1' }] }), 'CFG210 spec.endpoints'],
  ],
  'several hosts need a protocol that tells them apart': [
    ['HTTP', entry({ hosts: ['a.com', 'b.com'] })],
    [
      'TCP without resolution',
      entry({ hosts: ['a.com', 'b.com'], ports: [tcp], resolution: 'NONE', addresses: ['10.0.0.1'] }),
    ],
    ['TCP', entry({ hosts: ['a.com', 'b.com'], ports: [tcp] }), 'CFG210 spec.ports[0]'],
    [
      'TLS on one address',
      entry({
        hosts: ['a.com', 'b.com'],
        ports: [{ number: 1, name: 'a', protocol: 'TLS' }],
        resolution: 'DNS',
        addresses: ['10.0.0.1'],
      }),
      'CFG253 spec.hosts',
    ],
  ],
  'exportTo may be nobody': [
    ['nobody', entry({ exportTo: ['~'] })],
    ['nobody and somebody', entry({ exportTo: ['~', 'ns1'] }), 'CFG212 spec.exportTo'],
    ['nobody twice', entry({ exportTo: ['~', '~'] }), 'CFG212 spec.exportTo[1]', 'CFG212 spec.exportTo'],
  ],
})

rules('WorkloadEntry', {
  'an address is an IP address, a host name or a unix socket': [
    ['IPv4', { address: '10.0.0.1' }],
    ['IPv6', { address: '2001:db8::1' }],
    ['a name', { address: 'vm1.corp.net' }],
    ['a short name', { address: 'vm1' }],
    ['a socket', { address: 'unix:///run/a' }],
    ['an abstract socket', { address: 'unix://@a' }],
    ['a range', { address: '10.0.0.0/8' }, 'CFG203 spec.address'],
    ['a wildcard', { address: '*.a.com' }, 'CFG203 spec.address'],
    ['a relative path', { address: 'unix://a' }, 'CFG203 spec.address'],
    ['a directory', { address: 'unix:///a/' }, 'CFG203 spec.address'],
    ['an abstract one', { address: 'unix://@a/' }, 'CFG203 spec.address'],
    ['nothing', {}, 'CFG211 spec.address'],
    ['an empty one', { address: '' }, 'CFG211 spec.address'],
    ['a network', { network: 'n' }, 'CFG252 spec.address'],
    ['a long one', { address: `a.${'b.'.repeat(130)}` }, 'CFG101 spec.address'],
  ],
  'ports have names': [
    ['good', { address: '10.0.0.1', ports: { http: 80, '7777': 7777 } }],
    ['a bad name', { address: '10.0.0.1', ports: { '@': 80 } }, 'CFG217 spec.ports["@"]'],
    [
      'a name of 63',
      { address: '10.0.0.1', ports: { ['a'.repeat(63)]: 80 } },
      `CFG217 spec.ports.${'a'.repeat(63)}`,
    ],
    ['too large', { address: '10.0.0.1', ports: { http: 99999 } }, 'CFG202 spec.ports.http'],
    ['0', { address: '10.0.0.1', ports: { http: 0 } }, 'CFG202 spec.ports.http'],
    ['of a socket', { address: 'unix:///a', ports: { http: 1 } }, 'CFG210 spec.ports'],
    ['of a socket, but none', { address: 'unix:///a', ports: {} }, 'CFG210 spec.ports'],
  ],
  'the rest is as free as in Istio': [
    [
      'all',
      { address: '10.0.0.1', labels: { app: 'a' }, locality: '////', weight: 7, serviceAccount: 'x y' },
    ],
    ['a bad label', { address: '10.0.0.1', labels: { '^': 'x' } }, 'CFG204 spec.labels["^"]'],
    ['a negative weight', { address: '10.0.0.1', weight: -1 }, 'CFG101 spec.weight'],
  ],
})

test('ServiceEntry: an address that Istio would give can be refused by a label', () => {
  const metadata = { labels: { 'networking.istio.io/enable-autoallocate-ip': 'False' } }
  deepEqual(verdict(findingsOf(istio('ServiceEntry', entry({ ports: [tcp] }), metadata))), [
    'CFG253 spec.ports[0]',
  ])
})

test('ServiceEntry: resolution DYNAMIC_DNS is not for the mesh behind a waypoint', () => {
  const behind = (waypoint: string, location: string) => {
    const metadata = { labels: { 'istio.io/use-waypoint': waypoint } }
    return verdict(findingsOf(istio('ServiceEntry', dynamic({ location }), metadata)))
  }
  deepEqual(behind('waypoint', 'MESH_INTERNAL'), ['CFG210 spec.location'])
  deepEqual(behind('waypoint', 'MESH_EXTERNAL'), [])
  deepEqual(behind('None', 'MESH_INTERNAL'), [])
  deepEqual(behind('', 'MESH_INTERNAL'), [])
})

test('a host name in other letters: the finding says how DNS writes it', () => {
  const spec = entry({
    hosts: ['bücher.example'],
    endpoints: [{ address: 'münchen.example' }],
    resolution: 'DNS',
  })
  const messages = findingsOf(istio('ServiceEntry', spec)).map(({ message }) => message)
  ok(
    messages.some(each => each.endsWith('"bücher", which DNS writes as "xn--bcher-kva"')),
    `${messages}`,
  )
  ok(
    messages.some(each => each.endsWith(', which DNS writes as "xn--mnchen-3ya.example"')),
    `${messages}`,
  )
})
