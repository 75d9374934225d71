/** The rules for Gateway, each with cases of its own. */

import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { findingsOf, istio, type Json, rules, verdict } from './validate-kit.ts'

const port = { number: 9000, name: 'tcp', protocol: 'TCP' }
const server = (fields: Json): Json => ({ servers: [{ port, hosts: ['*'], ...fields }] })
const host = (text: string): Json => server({ hosts: [text] })
const at = (fields: Json): Json => server({ port: { ...port, ...fields } })
const bind = (address: string, number = 9000): Json => server({ bind: address, port: { ...port, number } })
const tls = (fields: unknown, protocol = 'TLS'): Json => server({ port: { ...port, protocol }, tls: fields })

const HOST = 'CFG201 spec.servers[0].hosts[0]'
const NUMBER = 'CFG202 spec.servers[0].port.number'
const BIND = 'CFG203 spec.servers[0].bind'
const TLS = 'spec.servers[0].tls'
const files = { serverCertificate: '/c', privateKey: '/k' }
const pair = { serverCertificate: '/c', privateKey: '/k' }

rules('Gateway', {
  'there are servers, with hosts and a port': [
    ['none', {}, 'CFG211 spec.servers'],
    ['an empty list', { servers: [] }, 'CFG211 spec.servers'],
    ['an empty server', { servers: [{}] }, 'CFG103 spec.servers[0].port', 'CFG103 spec.servers[0].hosts'],
    ['no hosts', server({ hosts: [] }), 'CFG211 spec.servers[0].hosts'],
  ],
  'hosts are names or addresses, perhaps with a namespace': [
    ['everything', host('*')],
    ['a name', host('a.com')],
    ['a wildcard', host('*.a.com')],
    ['an address', host('10.0.0.1')],
    ['in a namespace', host('ns/a.com')],
    ['in any namespace', host('*/a.com')],
    ['in its own namespace', host('./a.com')],
    ['everything everywhere', host('*/*')],
    ['a short name', host('a'), HOST],
    ['a short name in a namespace', host('ns/a'), HOST],
    ['a partial wildcard', host('*a.com'), HOST],
    ['a wildcard with a dash', host('*-b.a.com'), HOST],
    ['no namespace', host('/a.com'), HOST],
    ['no name', host('ns/'), HOST],
    ['no namespace that could be', host('n_s/a.com'), HOST],
    ['nobody', host('~/a.com'), HOST],
    ['nothing', host(''), HOST],
    ['an IPv6 address has no dot', host('2001:db8::1'), HOST],
  ],
  'ports have a number, a name and a protocol': [
    ['in lower case', at({ protocol: 'tcp' })],
    ['each protocol', at({ protocol: 'MONGO' })],
    ['unknown', at({ protocol: 'SCTP' }), 'CFG213 spec.servers[0].port.protocol'],
    ['none', at({ protocol: undefined }), 'CFG103 spec.servers[0].port.protocol'],
    ['0', at({ number: 0 }), NUMBER],
    ['too large', at({ number: 65536 }), NUMBER],
    ['no name', at({ name: '' }), 'CFG211 spec.servers[0].port.name'],
    ['a target port', at({ targetPort: 80 }), 'CFG210 spec.servers[0].port.targetPort'],
    [
      'the same number twice',
      {
        servers: [
          { port, hosts: ['*'] },
          { port: { ...port, name: 'b' }, hosts: ['*'] },
        ],
      },
    ],
    [
      'the same name twice',
      {
        servers: [
          { port, hosts: ['*'] },
          { port: { ...port, number: 1 }, hosts: ['*'] },
        ],
      },
      'CFG209 spec.servers[1].port.name',
    ],
  ],
  'a bind address is an IP address or a unix socket': [
    ['IPv4', bind('127.0.0.1')],
    ['IPv6', bind('::1')],
    ['empty', bind('')],
    ['a path', bind('unix:///run/a.sock', 0)],
    ['an abstract name', bind('unix://@a', 0)],
    ['a name', bind('localhost'), BIND],
    ['a relative path', bind('unix://a.sock', 0), BIND],
    ['a directory', bind('unix:///run/', 0), BIND],
    ['nothing', bind('unix://', 0), BIND],
    ['a socket with a port', bind('unix://@a'), NUMBER],
  ],
  'tls settings stand where the protocol asks for them': [
    ['missing', tls(undefined), `CFG211 ${TLS}`],
    ['empty: passed through', tls({})],
    ['for TCP', tls({}, 'TCP'), `CFG210 ${TLS}`],
    ['a redirect from http', tls({ httpsRedirect: true }, 'HTTP')],
    ['certificates for http', tls({ mode: 'SIMPLE', ...files }, 'HTTP'), `CFG210 ${TLS}`],
    ['a redirect from https', tls({ httpsRedirect: true }), `CFG252 ${TLS}.httpsRedirect`],
  ],
  'each TLS mode has its certificates': [
    ['simple', tls({ mode: 'SIMPLE', ...files })],
    ['simple by credential', tls({ mode: 'SIMPLE', credentialName: 'c' })],
    [
      'simple without',
      tls({ mode: 'SIMPLE' }),
      `CFG211 ${TLS}.serverCertificate`,
      `CFG211 ${TLS}.privateKey`,
    ],
    ['mutual', tls({ mode: 'MUTUAL', ...files, caCertificates: '/a' })],
    ['mutual that verifies nothing', tls({ mode: 'MUTUAL', credentialName: 'c', insecureSkipVerify: true })],
    [
      'not a flag',
      tls({ mode: 'MUTUAL', credentialName: 'c', insecureSkipVerify: 'yes' }),
      `CFG101 ${TLS}.insecureSkipVerify`,
    ],
    ['mutual by credentials', tls({ mode: 'MUTUAL', credentialNames: ['a', 'b'] })],
    ['mutual without a CA', tls({ mode: 'MUTUAL', ...files }), `CFG211 ${TLS}.caCertificates`],
    ['optional mutual', tls({ mode: 'OPTIONAL_MUTUAL', ...files }), `CFG211 ${TLS}.caCertificates`],
    ['a list of pairs', tls({ mode: 'SIMPLE', tlsCertificates: [pair, pair] })],
    [
      'half a pair',
      tls({ mode: 'SIMPLE', tlsCertificates: [{ privateKey: '/k' }] }),
      `CFG211 ${TLS}.tlsCertificates[0].serverCertificate`,
    ],
    [
      'three pairs',
      tls({ mode: 'SIMPLE', tlsCertificates: [pair, pair, pair] }),
      `CFG101 ${TLS}.tlsCertificates`,
    ],
    ['two sources', tls({ mode: 'SIMPLE', ...files, tlsCertificates: [pair] }), `CFG210 ${TLS}`],
    [
      'two other sources',
      tls({ mode: 'SIMPLE', credentialName: 'c', credentialNames: ['d'] }),
      `CFG210 ${TLS}`,
    ],
    ['Istio mutual', tls({ mode: 'ISTIO_MUTUAL' })],
    [
      'Istio mutual with more',
      tls({ mode: 'ISTIO_MUTUAL', privateKey: '/k', credentialName: 'c' }),
      `CFG210 ${TLS}.privateKey`,
      `CFG210 ${TLS}.credentialName`,
    ],
    ['passthrough with certificates', tls({ mode: 'PASSTHROUGH', ...files }), `CFG252 ${TLS}`],
    ['passthrough with a CRL', tls({ caCrl: '/r' }), `CFG252 ${TLS}`],
    [
      'a CRL beside a credential',
      tls({ caCrl: '/r', credentialName: 'c' }),
      `CFG252 ${TLS}`,
      `CFG210 ${TLS}.caCrl`,
    ],
    ['simple with a CRL', tls({ mode: 'SIMPLE', ...files, caCrl: '/r' }), `CFG210 ${TLS}.caCrl`],
    ['an unknown mode', tls({ mode: 'NONE' }), `CFG101 ${TLS}.mode`],
  ],
  'cipher suites are known ones': [
    ['known', tls({ cipherSuites: ['ECDHE-RSA-AES128-GCM-SHA256', 'ALL', '-SHA'] })],
    ['unknown', tls({ cipherSuites: ['NULL'] }), `CFG252 ${TLS}.cipherSuites[0]`],
    ['twice', tls({ cipherSuites: ['AES128-SHA', 'AES128-SHA'] }), `CFG252 ${TLS}.cipherSuites[1]`],
    ['an old version without', tls({ minProtocolVersion: 'TLSV1_1' }), `CFG253 ${TLS}.minProtocolVersion`],
    ['an old version with', tls({ minProtocolVersion: 'TLSV1_1', cipherSuites: ['AES128-SHA'] })],
  ],
  'a version is left': [
    ['one', tls({ minProtocolVersion: 'TLSV1_3', maxProtocolVersion: 'TLSV1_3' })],
    ['any', tls({ minProtocolVersion: 'TLS_AUTO', maxProtocolVersion: 'TLS_AUTO' })],
    [
      'none',
      tls({ minProtocolVersion: 'TLSV1_3', maxProtocolVersion: 'TLSV1_2' }),
      `CFG253 ${TLS}.maxProtocolVersion`,
    ],
    ['none by default', tls({ maxProtocolVersion: 'TLSV1_1' }), `CFG253 ${TLS}.maxProtocolVersion`],
  ],
})

test('Gateway: its own name is a DNS label', () => {
  const named = (name: string) => verdict(findingsOf(istio('Gateway', server({}), { name })))
  deepEqual(named('gw'), [])
  deepEqual(named('a.b'), ['CFG217 metadata.name'])
})

test('Gateway: one that istiod made of the Gateway API has any name, and hosts for nobody', () => {
  const made = (semantics: string) => {
    const annotations = { 'internal.istio.io/gateway-semantics': semantics }
    return verdict(findingsOf(istio('Gateway', host('~/a.com'), { name: 'a.b', annotations })))
  }
  deepEqual(made('gateway'), [])
  deepEqual(made('other'), ['CFG217 metadata.name', HOST])
})
