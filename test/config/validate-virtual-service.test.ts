/** The rules for VirtualService at layer 4, each with cases of its own. */

import { type Json, rules } from './validate-kit.ts'

const route = [{ destination: { host: 'd.example.com', port: { number: 80 } } }]
const tcp = [{ route }]

const vs = (fields: Json): Json => ({ hosts: ['a.example.com'], tcp, ...fields })
const hosts = (...names: string[]): Json => vs({ hosts: names })
const atGateway = (...names: string[]): Json => vs({ hosts: names, gateways: ['ns/gw'] })
const match = (fields: unknown): Json => vs({ tcp: [{ match: [fields], route }] })
const subnet = (text: string): Json => match({ destinationSubnets: [text] })
const labels = (map: Json): Json => match({ sourceLabels: map })
const gateways = (...names: string[]): Json => vs({ gateways: names })
const to = (destination: Json): Json => vs({ tcp: [{ route: [{ destination }] }] })
const weights = (...list: (number | undefined)[]): Json =>
  vs({
    tcp: [
      {
        route: list.map(weight => ({
          destination: { host: 'd' },
          ...(weight === undefined ? {} : { weight }),
        })),
      },
    ],
  })
const sni = (host: string, name: string, more: Json = {}): Json =>
  vs({ hosts: [host], tcp: undefined, tls: [{ match: [{ sniHosts: [name] }], route }], ...more })
const exportTo = (...list: string[]): Json => vs({ exportTo: list })

const HOST = 'CFG201 spec.hosts[0]'
const SUBNET = 'CFG203 spec.tcp[0].match[0].destinationSubnets[0]'
const GATEWAY = 'CFG205 spec.gateways[0]'
const SNI_HOST = 'spec.tls[0].match[0].sniHosts[0]'

rules('VirtualService', {
  'hosts are DNS names, with a wildcard in the first label, or IP addresses': [
    ['a short name', hosts('reviews')],
    ['a full name', hosts('reviews.prod.svc.cluster.local')],
    ['a trailing dot', hosts('example.com.')],
    ['upper case', hosts('Example.COM')],
    ['a wildcard label', hosts('*.example.com')],
    ['a partial wildcard', hosts('*example.com')],
    ['a wildcard with a dash', hosts('*-a.example.com')],
    ['an IPv4 address', hosts('10.0.0.1')],
    ['an IPv6 address', hosts('2001:db8::1')],
    ['a single label of digits', hosts('123')],
    ['63 characters in a label', hosts('a'.repeat(63))],
    ['64 characters in a label', hosts('a'.repeat(64)), HOST],
    ['256 characters', hosts(`${'a.'.repeat(127)}aa`), HOST],
    ['255 characters', hosts(`${'a.'.repeat(127)}a`)],
    ['nothing', hosts(''), HOST],
    ['a wildcard in the middle', hosts('a.*.com'), HOST],
    ['a wildcard at the end', hosts('a*'), HOST],
    ['an underscore', hosts('a_b.com'), HOST],
    ['a leading dash', hosts('-a.com'), HOST],
    ['a trailing dash', hosts('a-.com'), HOST],
    ['an empty label', hosts('a..com'), HOST],
    ['a last label of digits', hosts('a.123'), HOST],
    ['a CIDR', hosts('10.0.0.0/8'), HOST],
    ['a port', hosts('a.com:80'), HOST],
  ],
  '"*" is a host for gateways only': [
    ['at a gateway', atGateway('*')],
    ['in the mesh', hosts('*'), HOST],
    ['with mesh among the gateways', vs({ hosts: ['*'], gateways: ['ns/gw', 'mesh'] }), HOST],
  ],
  'hosts of one resource do not overlap': [
    ['different names', hosts('a.com', 'b.com')],
    ['a wildcard beside what it does not cover', hosts('*.a.com', 'a.com')],
    ['a difference in case', hosts('a.com', 'A.com')],
    ['a short name beside its full name', hosts('a', 'a.bar.svc.cluster.local')],
    ['the same twice', hosts('a.com', 'a.com'), 'CFG209 spec.hosts[1]'],
    ['a wildcard before', hosts('*.com', 'a.com'), 'CFG209 spec.hosts[1]'],
    ['a wildcard after', hosts('a.com', '*.com'), 'CFG209 spec.hosts[0]'],
    ['a wildcard over a wildcard', hosts('*.com', '*.a.com'), 'CFG209 spec.hosts[1]'],
    ['everything', atGateway('*', 'a.com'), 'CFG209 spec.hosts[1]'],
    ['an address twice', hosts('10.0.0.1', '10.0.0.1'), 'CFG209 spec.hosts[1]'],
  ],
  'there are routes': [
    ['none', { hosts: ['a.com'] }, 'CFG211 spec'],
    ['empty lists', { hosts: ['a.com'], tcp: [], tls: [], http: [] }, 'CFG211 spec'],
    ['null', { hosts: ['a.com'], tcp: null }, 'CFG211 spec'],
  ],
  'without hosts, only http routes': [
    ['tcp', { tcp }, 'CFG211 spec.tcp'],
    ['tcp, with an empty list', { hosts: [], tcp }, 'CFG211 spec.tcp'],
    ['http', { http: [{ route }] }],
    ['http at a gateway', { gateways: ['gw'], http: [{ route }] }, 'CFG211 spec.gateways'],
    ['tls', { tls: [{ match: [{ sniHosts: ['a'] }], route }] }, 'CFG211 spec.tls', `CFG214 ${SNI_HOST}`],
  ],
  'gateways are "name", "namespace/name" or "mesh"': [
    ['a name', gateways('gw')],
    ['with a namespace', gateways('ns/gw')],
    ['the mesh', gateways('mesh')],
    ['several', gateways('ns/a', 'mesh', 'b')],
    ['the old form', gateways('gw.ns'), 'CFG251 spec.gateways[0]'],
    ['the old long form', gateways('gw.ns.svc.cluster.local'), 'CFG251 spec.gateways[0]'],
    ['its own namespace as a dot', gateways('./gw'), GATEWAY],
    ['any namespace', gateways('*/gw'), GATEWAY],
    ['no namespace', gateways('/gw'), GATEWAY],
    ['no name', gateways('ns/'), GATEWAY],
    ['a slash too many', gateways('a/b/c'), GATEWAY],
    ['an underscore', gateways('ns/my_gw'), GATEWAY],
    ['no name at all', gateways(''), GATEWAY],
    ['a bad name', gateways('b@d'), GATEWAY],
    ['a bad name after a bare one goes unnoticed, as in Istio', gateways('gw', 'ns/my_gw')],
    ['each bad one before a bare one', gateways('a/_', 'b/_'), GATEWAY, 'CFG205 spec.gateways[1]'],
    ['in a match', match({ gateways: ['ns/'] }), 'CFG205 spec.tcp[0].match[0].gateways[0]'],
    ['the old form in a tcp match gives no warning', match({ gateways: ['gw.ns'] })],
  ],
  'destinationSubnets are addresses or CIDRs': [
    ['a CIDR', subnet('10.0.0.0/8')],
    ['host bits', subnet('10.1.2.3/8')],
    ['an address', subnet('10.1.2.3')],
    ['everything', subnet('0.0.0.0/0')],
    ['IPv6', subnet('2001:db8::/32')],
    ['an IPv6 address', subnet('2001:db8::1')],
    ['a zone', subnet('fe80::1%eth0')],
    ['an IPv4-mapped range', subnet('::ffff:10.0.0.0/104')],
    ['a prefix too long', subnet('10.0.0.0/33'), SUBNET],
    ['an IPv6 prefix too long', subnet('2001:db8::/129'), SUBNET],
    ['a leading zero', subnet('010.0.0.1'), SUBNET],
    ['a leading zero in the length', subnet('10.0.0.0/08'), SUBNET],
    ['a space', subnet('10.0.0.0/8 '), SUBNET],
    ['a zone in a range', subnet('fe80::%eth0/64'), SUBNET],
    ['a port', subnet('10.0.0.1:80'), SUBNET],
    ['brackets', subnet('[::1]'), SUBNET],
    ['two slashes', subnet('10.0.0.0/8/9'), SUBNET],
    ['no address', subnet('/8'), SUBNET],
    ['nothing', subnet(''), SUBNET],
    ['a name', subnet('a.com'), SUBNET],
  ],
  'ports to match are 1 to 65535, or 0 for any': [
    ['the first', match({ port: 1 })],
    ['the last', match({ port: 65535 })],
    ['any', match({ port: 0 })],
    ['too large', match({ port: 65536 }), 'CFG202 spec.tcp[0].match[0].port'],
    ['negative', match({ port: -1 }), 'CFG101 spec.tcp[0].match[0].port'],
  ],
  'sourceLabels are labels': [
    ['a plain one', labels({ app: 'x' })],
    ['a prefix', labels({ 'Example.COM/app': 'X_1.2' })],
    ['an empty value', labels({ app: '' })],
    ['a value of any length', labels({ app: 'v'.repeat(300) })],
    ['a key of 63', labels({ ['k'.repeat(63)]: 'v' })],
    [
      'a key of 64',
      labels({ ['k'.repeat(64)]: 'v' }),
      `CFG204 spec.tcp[0].match[0].sourceLabels.${'k'.repeat(64)}`,
    ],
    ['a leading dot', labels({ '.k': 'v' }), 'CFG204 spec.tcp[0].match[0].sourceLabels[".k"]'],
    ['a trailing underscore', labels({ k_: 'v' }), 'CFG204 spec.tcp[0].match[0].sourceLabels.k_'],
    ['two slashes', labels({ 'a/b/c': 'v' }), 'CFG204 spec.tcp[0].match[0].sourceLabels["a/b/c"]'],
    ['a bad prefix', labels({ 'a./k': 'v' }), 'CFG204 spec.tcp[0].match[0].sourceLabels["a./k"]'],
    ['an empty key', labels({ '': 'v' }), 'CFG204 spec.tcp[0].match[0].sourceLabels[""]'],
    ['a wildcard', labels({ k: '*' }), 'CFG204 spec.tcp[0].match[0].sourceLabels.k'],
    ['a bad value', labels({ k: 'v_' }), 'CFG204 spec.tcp[0].match[0].sourceLabels.k'],
    [
      'a long prefix',
      labels({ [`${'a.'.repeat(127)}a/k`]: 'v' }),
      `CFG204 spec.tcp[0].match[0].sourceLabels["${'a.'.repeat(127)}a/k"]`,
    ],
  ],
  'sourceNamespace and sourceSubnet are free text': [
    ['a namespace', match({ sourceNamespace: 'prod' })],
    ['no namespace', match({ sourceNamespace: 'No Namespace!' })],
    ['a subnet', match({ sourceSubnet: '10.0.0.0/8' })],
    ['no subnet', match({ sourceSubnet: 'x' })],
  ],
  'a tcp route has destinations': [
    ['none', vs({ tcp: [{ match: [{ port: 1 }] }] }), 'CFG211 spec.tcp[0].route'],
    ['an empty list', vs({ tcp: [{ route: [] }] }), 'CFG211 spec.tcp[0].route'],
    ['no destination in it', vs({ tcp: [{ route: [{}] }] }), 'CFG103 spec.tcp[0].route[0].destination'],
    [
      'null in it',
      vs({ tcp: [{ route: [{ destination: null }] }] }),
      'CFG103 spec.tcp[0].route[0].destination',
    ],
  ],
  'destinations are host names, with a subset and a port': [
    ['a short name', to({ host: 'd' })],
    ['a wildcard', to({ host: '*.d.com' })],
    ['a subset', to({ host: 'd', subset: 'v1' })],
    ['an empty subset', to({ host: 'd', subset: '' })],
    ['no host', to({}), 'CFG103 spec.tcp[0].route[0].destination.host'],
    ['an empty host', to({ host: '' }), 'CFG201 spec.tcp[0].route[0].destination.host'],
    ['every host', to({ host: '*' }), 'CFG201 spec.tcp[0].route[0].destination.host'],
    ['an address', to({ host: '10.0.0.1' }), 'CFG201 spec.tcp[0].route[0].destination.host'],
    ['a namespace', to({ host: 'ns/d' }), 'CFG201 spec.tcp[0].route[0].destination.host'],
    ['a bad subset', to({ host: 'd', subset: 'v.1' }), 'CFG217 spec.tcp[0].route[0].destination.subset'],
    ['an empty port', to({ host: 'd', port: {} }), 'CFG202 spec.tcp[0].route[0].destination.port.number'],
    ['port 0', to({ host: 'd', port: { number: 0 } }), 'CFG202 spec.tcp[0].route[0].destination.port.number'],
    [
      'a port too large',
      to({ host: 'd', port: { number: 65536 } }),
      'CFG202 spec.tcp[0].route[0].destination.port.number',
    ],
  ],
  'weights are shares': [
    ['one without', weights(undefined)],
    ['one of 0', weights(0)],
    ['one above 100', weights(1000)],
    ['less than 100', weights(1, 1)],
    ['more than 100', weights(200, 300)],
    ['one omitted', weights(100, undefined)],
    ['all omitted', weights(undefined, undefined), 'CFG206 spec.tcp[0].route'],
    ['all 0', weights(0, 0), 'CFG206 spec.tcp[0].route'],
    ['negative', weights(-1), 'CFG206 spec.tcp[0].route[0].weight'],
    ['negative beside positive', weights(-1, 101), 'CFG206 spec.tcp[0].route[0].weight'],
    ['too large', weights(2 ** 31, 1), 'CFG101 spec.tcp[0].route[0].weight'],
    ['a total that an int32 cannot hold', weights(2 ** 31 - 1, 2 ** 31 - 1, 2), 'CFG206 spec.tcp[0].route'],
    ['a fraction', weights(1.5), 'CFG101 spec.tcp[0].route[0].weight'],
  ],
  'a tls route has matches with SNI hosts, and destinations': [
    ['no match', vs({ tls: [{ route }] }), 'CFG103 spec.tls[0].match'],
    ['an empty list', vs({ tls: [{ match: [], route }] }), 'CFG211 spec.tls[0].match'],
    ['no SNI hosts', vs({ tls: [{ match: [{}], route }] }), 'CFG103 spec.tls[0].match[0].sniHosts'],
    [
      'an empty list of them',
      vs({ tls: [{ match: [{ sniHosts: [] }], route }] }),
      'CFG211 spec.tls[0].match[0].sniHosts',
    ],
    [
      'no destination',
      vs({ tls: [{ match: [{ sniHosts: ['a.example.com'] }] }] }),
      'CFG211 spec.tls[0].route',
    ],
    [
      'a bad port',
      vs({ tls: [{ match: [{ sniHosts: ['a.example.com'], port: 70000 }], route }] }),
      'CFG202 spec.tls[0].match[0].port',
    ],
    [
      'the old form of a gateway',
      vs({ tls: [{ match: [{ sniHosts: ['a.example.com'], gateways: ['gw.ns'] }], route }] }),
      'CFG251 spec.tls[0].match[0].gateways[0]',
    ],
  ],
  'SNI hosts lie inside the hosts': [
    ['the same', sni('a.com', 'a.com')],
    ['under a wildcard', sni('*.a.com', 'b.a.com')],
    ['a narrower wildcard', sni('*.a.com', '*.b.a.com')],
    ['under everything', sni('*', 'a.com', { gateways: ['gw'] })],
    ['another name', sni('a.com', 'b.com'), `CFG214 ${SNI_HOST}`],
    ['a wider wildcard', sni('a.com', '*.com'), `CFG214 ${SNI_HOST}`],
    ['another case', sni('a.com', 'A.com'), `CFG214 ${SNI_HOST}`],
    ['a bad name', sni('a.com', 'a_b.com'), `CFG201 ${SNI_HOST}`],
    ['nothing', sni('a.com', ''), `CFG201 ${SNI_HOST}`],
    ['an address', sni('a.com', '10.0.0.1'), `CFG253 ${SNI_HOST}`],
  ],
  'names that Istio makes for AUTO_PASSTHROUGH are hosts of gateways': [
    ['a good one', sni('outbound_.80_._.a.com', 'outbound_.80_._.a.com', { gateways: ['gw'] })],
    [
      'no port',
      sni('outbound_.x_._.a.com', 'outbound_.x_._.a.com', { gateways: ['gw'] }),
      HOST,
      `CFG201 ${SNI_HOST}`,
    ],
    ['no host', sni('outbound_.80_._', 'outbound_.80_._', { gateways: ['gw'] }), HOST, `CFG201 ${SNI_HOST}`],
    ['in the mesh', sni('outbound_.80_._.a.com', 'outbound_.80_._.a.com'), HOST],
    ['without SNI routes', atGateway('outbound_.80_._.a.com'), HOST],
  ],
  'exportTo names namespaces': [
    ['all', exportTo('*')],
    ['its own', exportTo('.')],
    ['several', exportTo('.', 'ns1', 'ns2')],
    ['all and more', exportTo('*', 'ns1'), 'CFG212 spec.exportTo'],
    ['nobody', exportTo('~'), 'CFG212 spec.exportTo[0]'],
    ['twice', exportTo('ns1', 'ns1'), 'CFG212 spec.exportTo[1]'],
    ['its own twice', exportTo('bar', '.'), 'CFG212 spec.exportTo[1]'],
    ['no namespace', exportTo('ns_'), 'CFG212 spec.exportTo[0]'],
  ],
  'routes and matches that can never be used are named': [
    ['in order', vs({ tcp: [{ match: [{ port: 1 }], route }, { route }] })],
    ['two without match', vs({ tcp: [{ route }, { route }] }), 'IST0130 spec.tcp[1]'],
    [
      'one after a route without match',
      vs({ tcp: [{ route }, { match: [{ port: 1 }], route }] }),
      'IST0130 spec.tcp[1]',
    ],
    [
      'a match twice',
      vs({
        tcp: [
          { match: [{ port: 1 }], route },
          { match: [{ port: 2 }, { port: 1, gateways: [] }], route },
        ],
      }),
      'IST0131 spec.tcp[1].match[1]',
    ],
    [
      'all matches twice',
      vs({
        tcp: [
          { match: [{ sourceLabels: { a: '1', b: '2' } }], route },
          { match: [{ sourceLabels: { b: '2', a: '1' } }], route },
        ],
      }),
      'IST0131 spec.tcp[1].match[0]',
      'IST0130 spec.tcp[1]',
    ],
    [
      'a narrower match',
      vs({
        tcp: [
          { match: [{ destinationSubnets: ['10.0.0.0/8'] }], route },
          { match: [{ destinationSubnets: ['10.1.0.0/16'] }], route },
        ],
      }),
    ],
    [
      'another order of a list',
      vs({
        tcp: [
          { match: [{ gateways: ['mesh', 'a'] }], route },
          { match: [{ gateways: ['a', 'mesh'] }], route },
        ],
      }),
    ],
  ],
})
