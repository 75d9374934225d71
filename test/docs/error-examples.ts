/**
 * For each code a configuration that finds it, as small as can be: proof that the code can occur,
 * and the message that docs/errors.md shows.
 */

import type { Code } from '../../src/config/findings/codes.ts'

/** Files by name; a lone text is `config.yaml`. */
export type Example = string | Uint8Array | Readonly<Record<string, string | Uint8Array | Error>>

const ISTIO = 'networking.istio.io/v1'

const resource = (kind: string, body: string, apiVersion = ISTIO, metadata = 'name: a'): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { ${metadata} }\n${body}\n---\n`

const istio =
  (kind: string) =>
  (spec: string, metadata?: string): string =>
    resource(kind, `spec: ${spec}`, ISTIO, metadata)

const virtualService = istio('VirtualService')
const destinationRule = istio('DestinationRule')
const gateway = istio('Gateway')
const serviceEntry = istio('ServiceEntry')
const settings = (spec: string): string => resource('Settings', `spec: ${spec}`, 'gateway.weir/v1')
const service = (spec: string, metadata?: string): string =>
  resource('Service', `spec: ${spec}`, 'v1', metadata)

/** A VirtualService for a.com with these tcp routes. */
const tcp = (routes: string): string => virtualService(`{ hosts: [a.com], tcp: [${routes}] }`)
/** With one route to a.com, for this match. */
const match = (text: string): string => tcp(`{ match: [${text}], route: [{ destination: { host: a.com } }] }`)
const http = (route: string): string => virtualService(`{ hosts: [a.com], http: [${route}] }`)
const policy = (text: string): string => destinationRule(`{ host: a.com, trafficPolicy: ${text} }`)
const server = (text: string, hosts = "['*']"): string => `{ hosts: ${hosts}, port: ${text} }`
const passthrough = (host: string): string =>
  `{ hosts: [${host}], port: { number: 443, name: tls, protocol: TLS }, tls: { mode: PASSTHROUGH } }`
/** A Gateway that terminates TLS, with these settings. */
const tls = (text: string): string =>
  gateway(`{ servers: [{ hosts: ['*'], port: { number: 8443, name: tls, protocol: TLS }, tls: ${text} }] }`)
const authority = (base64: string): string =>
  `${tls('{ mode: MUTUAL, credentialName: cert }')}${resource('Secret', `data: { ca.crt: ${base64} }`, 'v1', 'name: cert-cacert')}`
const TCP = '{ number: 9000, name: tcp, protocol: TCP }'
const ENTRY =
  '{ hosts: [a.com], addresses: [10.0.0.1], resolution: STATIC, ports: [{ number: 9000, name: tcp, protocol: TCP }], endpoints: [{ address: 10.0.0.2 }] }'
/** More than 64 MiB, for tables of 4 MiB. */
const MANY_PORTS = Array.from(
  { length: 17 },
  (_, index) => `{ number: ${9000 + index}, name: tcp-${index}, protocol: TCP }`,
).join(', ')
const ROUTE = '{ route: [{ destination: { host: a.com } }] }'
const EDGE_ROUTE = virtualService(`{ hosts: [a.com], gateways: [a], tcp: [${ROUTE}] }`)
const CLOSED = settings('{ mesh: { capture: none } }')

/** A resource of Gateway API. */
const api = (kind: string, spec: string, metadata?: string): string =>
  resource(kind, `spec: ${spec}`, 'gateway.networking.k8s.io/v1', metadata)
const CLASS = api('GatewayClass', '{ controllerName: gateway.weir/controller }', 'name: weir')
const LISTENER = '{ name: tcp, port: 9000, protocol: TCP }'
const apiGateway = (listener: string): string =>
  api('Gateway', `{ gatewayClassName: weir, listeners: [${listener}] }`)
const tcpRoute = (spec: string, metadata?: string): string => api('TCPRoute', spec, metadata)
const ATTACHED = '{ parentRefs: [{ name: a }], rules: [{ backendRefs: [{ name: b, port: 80 }] }] }'
const tlsRoute = (metadata: string): string =>
  api('TLSRoute', ATTACHED.replace('rules:', 'hostnames: [a.test], rules:'), metadata)

const authorization = (spec: string): string =>
  resource('AuthorizationPolicy', `spec: ${spec}`, 'security.istio.io/v1')
const GUARDED = `${gateway(`{ servers: [${server(TCP)}] }`)}${EDGE_ROUTE}${CLOSED}`

/** Authorities that nobody has the key of, until 30 November and 29 December 2026. */
const EXPIRED =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJpekNDQVRHZ0F3SUJBZ0lVWE9TenN6LzF6VG03ZUl6aU9kalJhUzFu' +
  'd3gwd0NnWUlLb1pJemowRUF3SXcKR3pFWk1CY0dBMVVFQXd3UVZHVnpkQ0JoZFhSb2IzSnBkSGtnTVRBZUZ3MHlOakV4TWpr' +
  'd01UVTFNak5hRncweQpOakV4TXpBd01UVTFNak5hTUJzeEdUQVhCZ05WQkFNTUVGUmxjM1FnWVhWMGFHOXlhWFI1SURFd1dU' +
  'QVRCZ2NxCmhrak9QUUlCQmdncWhrak9QUU1CQndOQ0FBUk1MSWpmdmVTTVdrZStEWXBucDVHSG5nbHNxemRRdkVxdG1vTlUK' +
  'Mm8yUXBCcHVvaktMQUFjWHBrQmNJbkl5NmdYZ01MV25KdHA1R3hCUDVBa1NWWlhYbzFNd1VUQWRCZ05WSFE0RQpGZ1FVcWtZ' +
  'WWhWZmV5aWhjb0VHOWpGTkNPZDNUM3R3d0h3WURWUjBqQkJnd0ZvQVVxa1lZaFZmZXlpaGNvRUc5CmpGTkNPZDNUM3R3d0R3' +
  'WURWUjBUQVFIL0JBVXdBd0VCL3pBS0JnZ3Foa2pPUFFRREFnTklBREJGQWlFQW9jbnUKdVpjN09nUnliSlBzM1BpN1F0dDRR' +
  'aTBYdDNPRzIwbGJhOVhiWEI4Q0lDd1VWempMdkcxMFREOG1FRERTKzhWZApjS0RrcWhxTkREQWh5S1JzdEJPOQotLS0tLUVO' +
  'RCBDRVJUSUZJQ0FURS0tLS0tCg=='
const EXPIRING =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJqRENDQVRPZ0F3SUJBZ0lVTWFkaDUrU0ZXME04OERNSDM3UDJESUox' +
  'dVNJd0NnWUlLb1pJemowRUF3SXcKSERFYU1CZ0dBMVVFQXd3UlZHVnpkQ0JoZFhSb2IzSnBkSGtnTXpBd0hoY05Nall4TVRJ' +
  'NU1ERTFOVEl6V2hjTgpNall4TWpJNU1ERTFOVEl6V2pBY01Sb3dHQVlEVlFRRERCRlVaWE4wSUdGMWRHaHZjbWwwZVNBek1E' +
  'QlpNQk1HCkJ5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSEEwSUFCQlhnYXNNTU9zZnJUaWV1eCtKUmdScExvN0VYWklrN0hEcXIK' +
  'bzBua29MSjAyTWYrdmNzcGxrTXhFNHdKTDlHb1UrU3Z0RFhlSDU3R05XMDRablRVdFJ1alV6QlJNQjBHQTFVZApEZ1FXQkJT' +
  'R0xiUk9lVXZlZ09YQ1I5T3pOOUpXNTRKR216QWZCZ05WSFNNRUdEQVdnQlNHTGJST2VVdmVnT1hDClI5T3pOOUpXNTRKR216' +
  'QVBCZ05WSFJNQkFmOEVCVEFEQVFIL01Bb0dDQ3FHU000OUJBTUNBMGNBTUVRQ0lHeDcKNWppS1lpTW1vbWUyYjRKWHJaWW5K' +
  'K2F0aG5yd3F0czNNd21meHVLQ0FpQXZqbWVaRnVKTTBIalk5T0grOGkveQoxWStBdTJOb29CbkFhaTVEVUo5cy9BPT0KLS0t' +
  'LS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo='

/** An authority that nobody has the key of, and its list, due for renewal on 9 December 2026. */
const LISTING =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJZekNDQVFpZ0F3SUJBZ0lFRUFBQUFUQUtCZ2dxaGtqT1BRUURBakFk' +
  'TVJzd0dRWURWUVFEREJKVVpYTjAKSUdGMWRHaHZjbWwwZVNBME1EQXdJaGdQTWpBeU5qRXhNamd3T1RBek5UTmFHQTh5TURJ' +
  'M01URXlPVEE1TURNMQpNMW93SFRFYk1Ca0dBMVVFQXd3U1ZHVnpkQ0JoZFhSb2IzSnBkSGtnTkRBd01Ga3dFd1lIS29aSXpq' +
  'MENBUVlJCktvWkl6ajBEQVFjRFFnQUUveXIwL0djTUJBK1dwVjFyYzArZDVpQU1MUlBTSlpOaU92QnVwNUt3bFJoa29wekkK' +
  'aU1VLzg2ajdyTVdwZ2I5eW5kRHowU3lSUTZDOXh2eElka3J2TzZNeU1EQXdEd1lEVlIwVEFRSC9CQVV3QXdFQgovekFkQmdO' +
  'VkhRNEVGZ1FVcVN1WTNMTTNxY0wzUCtMUDBYSVNBQ2dkRE5zd0NnWUlLb1pJemowRUF3SURTUUF3ClJnSWhBTXJvaXNiK3NR' +
  'djgxbUVKY1J0L2RXYVNMdHBXNFhFQ25UYWV6TFg3YTVESEFpRUFuTHg5WXJ5enRtM0gKbEFQa3QzSE5jZ2pVOWpqUVV1aWFi' +
  'SEtjNTRhYkxpaz0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo='
const LIST =
  'LS0tLS1CRUdJTiBYNTA5IENSTC0tLS0tCk1JR29NRkFDQVFFd0NnWUlLb1pJemowRUF3SXdIVEViTUJrR0ExVUVBd3dTVkdW' +
  'emRDQmhkWFJvYjNKcGRIa2cKTkRBd0dBOHlNREkyTVRFeU56QTVNRE0xTTFvWUR6SXdNall4TWpBNU1Ea3dNelV6V2pBS0Jn' +
  'Z3Foa2pPUFFRRApBZ05JQURCRkFpRUF0eHp5dVAwcmZOOUNUY1JRSGd2dDhTVHUzUUxYdGVyR0thOVpLbFU3WEwwQ0lGSmo4' +
  'K2VQCmtia1JGYnFiajVqNGx5Z1lBSHBhUWtSSUJqaGRtU3lBcFJ5TwotLS0tLUVORCBYNTA5IENSTC0tLS0tCg=='

export const EXAMPLES: Readonly<Record<Code, Example>> = {
  CFG001: { 'config.yaml': new Error('EACCES: permission denied') },
  CFG002: new Uint8Array(33 * 1024 * 1024),
  CFG003: Uint8Array.of(0x6b, 0xff, 0x0a),
  CFG004: 'kind: "a\u0007"\n',
  CFG005: 'kind: [Gateway\n',
  CFG006: `${'['.repeat(300)}${']'.repeat(300)}\n`,
  CFG007: 'kind: Gateway\nkind: VirtualService\n',
  CFG008: '? [a, b]\n: 1\n',
  CFG009: 'kind: *missing\n',
  CFG010: 'kind: !gateway Gateway\n',
  CFG011: `${resource('Gateway', 'spec: { servers: [] }')}other: 123456789012345678901234567890\n`,
  CFG012: '- 1\n---\n'.repeat(1001),
  CFG013: `${gateway('{ servers: [{ port: { number: .inf } }] }')}`,
  CFG014: '# nothing here',
  CFG015: gateway(`{ servers: [${server(TCP)}] }`),
  CFG016: '{{- if .Values.gateway }}\nkind: Gateway\n{{- end }}\n',
  CFG017: gateway('{ server: [] }') + virtualService(`{ hosts: [a.com], gateways: [a], tcp: [${ROUTE}] }`),
  CFG018: service('{ ports: [] }'),
  CFG020: 'only some words\n',
  CFG021: 'apiVersion: 1\nkind: Gateway\nmetadata: { name: a }\n',
  CFG022: 'apiVersion: v1\nkind: 1\nmetadata: { name: a }\n',
  CFG023: 'apiVersion: v1\nkind: Service\n',
  CFG024: 'apiVersion: v1\nkind: Service\nmetadata: { namespace: shop }\n',
  CFG025: 'apiVersion: v1\nkind: Service\nmetadata: { name: a, labels: { version: 1 } }\n',
  CFG026: 'apiVersion: v1\nkind: Service\nmetadata: { name: a, creationTimestamp: yesterday }\n',
  CFG027: gateway(`{ servers: [${server(TCP)}] }`).repeat(2),
  CFG030: settings('{}') + resource('Settings', 'spec: {}', 'gateway.weir/v1', 'name: b'),
  CFG031: settings('{ worker: 2 }'),
  CFG032: settings('{ workers: many }'),

  CFG101: match("{ port: '9000' }"),
  CFG102: match('{ sourceLabel: { app: a } }'),
  CFG103: destinationRule('{ subsets: [] }'),
  CFG104: policy('{ loadBalancer: { simple: RANDOM, consistentHash: { useSourceIp: true } } }'),
  CFG105: resource('Gateway', 'spec: { servers: [] }', 'networking.istio.io/v2'),
  CFG201: virtualService(`{ hosts: [a_b..com], tcp: [${ROUTE}] }`),
  CFG202: match('{ port: 70000 }'),
  CFG203: match('{ destinationSubnets: [10.0.0.0/33] }'),
  CFG204: match("{ sourceLabels: { app: 'a b' } }"),
  CFG205: match('{ gateways: [a/b/c] }'),
  CFG206: tcp('{ route: [{ destination: { host: a.com } }, { destination: { host: b.com } }] }'),
  CFG207: policy('{ connectionPool: { tcp: { connectTimeout: 10 } } }').replace('10 ', "'-10s' "),
  CFG208: policy('{ connectionPool: { tcp: { maxConnections: -1 } } }'),
  CFG209: destinationRule('{ host: a.com, subsets: [{ name: v1 }, { name: v1 }] }'),
  CFG210: serviceEntry(
    '{ hosts: [a.com], resolution: NONE, ports: [{ number: 80, name: tcp, protocol: TCP }], endpoints: [{ address: 10.0.0.1 }] }',
  ),
  CFG211: gateway(`{ servers: [${server('{ number: 443, name: tls, protocol: TLS }')}] }`),
  CFG212: virtualService(`{ hosts: [a.com], exportTo: ['*', shop], tcp: [${ROUTE}] }`),
  CFG213: gateway(`{ servers: [${server('{ number: 9000, name: x, protocol: QUIC }')}] }`),
  CFG214: virtualService(
    '{ hosts: [a.com], tls: [{ match: [{ sniHosts: [b.com] }], route: [{ destination: { host: a.com } }] }] }',
  ),
  CFG215: http("{ match: [{ uri: { regex: '(' } }], route: [{ destination: { host: a.com } }] }"),
  CFG216: http(
    '{ route: [{ destination: { host: a.com }, headers: { request: { set: { x-shop: 50% } } } }] }',
  ),
  CFG217: destinationRule('{ host: a.com, subsets: [{ name: V_1 }] }'),
  CFG218: policy('{ loadBalancer: { localityLbSetting: { distribute: [{ from: a//c, to: { a: 100 } }] } } }'),
  CFG219: virtualService(
    `{ hosts: [a.com], tcp: [${ROUTE}] }`,
    'name: a, annotations: { gateway.weir/split: even }',
  ),
  CFG220: settings('{ profile: ambient }') + match('{ port: 9000 }'),
  CFG251: policy('{ outlierDetection: { consecutiveErrors: 5 } }'),
  CFG252: destinationRule('{ host: a.com, workloadSelector: {} }'),
  CFG253: virtualService(
    '{ hosts: [a.com], tls: [{ match: [{ sniHosts: [10.0.0.1] }], route: [{ destination: { host: a.com } }] }] }',
  ),
  IST0130: tcp(`${ROUTE}, ${ROUTE}`),
  IST0131: match('{ port: 9000 }, { port: 9000 }'),
  CFG301: policy('{ tunnel: { protocol: CONNECT, targetHost: a.com, targetPort: 443 } }'),
  CFG302: policy('{ connectionPool: { http: { maxRetries: 1 } } }'),
  CFG303: http('{ timeout: 1s, route: [{ destination: { host: a.com } }] }'),
  CFG304: http(ROUTE),
  CFG305: resource('Sidecar', 'spec: {}'),
  CFG306: resource('Deployment', 'spec: {}', 'apps/v1'),
  CFG307: gateway(`{ servers: [${server(TCP)}] }`, 'name: a, annotations: { gateway.weir/splt: exact }'),
  CFG309: authorization(
    "{ action: DENY, rules: [{ to: [{ operation: { ports: ['9000'], methods: [GET] } }] }] }",
  ),
  CFG308:
    settings('{ profile: ambient }') +
    tcp(
      '{ route: [{ destination: { host: a.com }, weight: 1 }, { destination: { host: b.com }, weight: 1 }] }',
    ),

  IST0101: match('{ port: 9000 }'),
  IST0109:
    serviceEntry(ENTRY) + tcp(ROUTE) + virtualService(`{ hosts: [a.com], tcp: [${ROUTE}] }`, 'name: b'),
  IST0112:
    serviceEntry(
      '{ hosts: [a.com], resolution: DNS, ports: [{ number: 80, name: a, protocol: TCP }, { number: 81, name: b, protocol: TCP }] }',
    ) + tcp(ROUTE),
  IST0132:
    gateway(`{ servers: [${server(TCP, '[b.com]')}] }`) +
    virtualService(`{ hosts: [a.com], gateways: [a], tcp: [${ROUTE}] }`),
  IST0145: gateway(`{ servers: [${server(TCP)}] }`) + gateway(`{ servers: [${server(TCP)}] }`, 'name: b'),
  IST0162:
    gateway(`{ selector: { app: a }, servers: [${server(TCP)}] }`) +
    resource('Pod', 'spec: {}', 'v1', 'name: a, labels: { app: a }') +
    service('{ clusterIP: 10.0.0.1, selector: { app: a }, ports: [{ port: 80 }] }'),
  IST0173:
    serviceEntry(ENTRY) + destinationRule('{ host: a.com, subsets: [{ name: v1, labels: { v: v1 } }] }'),
  IST0174: destinationRule('{ host: a.com }'),
  CFG401: serviceEntry(ENTRY) + serviceEntry(ENTRY.replace('10.0.0.1]', '10.0.0.9]'), 'name: b'),
  CFG402: gateway(`{ servers: [${server('{ number: 80, name: http, protocol: HTTP }')}] }`),
  CFG403: serviceEntry(ENTRY.replace('10.0.0.2', "'unix:///run/a.sock'")),
  CFG404: service('{ clusterIP: 10.0.0.1, ports: [{ port: 9000 }] }'),
  CFG405: serviceEntry(ENTRY) + serviceEntry(ENTRY.replace('a.com', 'b.com'), 'name: b'),
  CFG406: serviceEntry(ENTRY) + gateway(`{ servers: [${server(TCP)}] }`),
  CFG407: virtualService('{ hosts: [b.com], tcp: [{ route: [{ destination: { host: a.com } }] }] }'),
  CFG408: serviceEntry(ENTRY) + match('{ port: 9001 }'),
  CFG409: match('{ gateways: [b] }'),
  CFG411: destinationRule('{ host: a.com, workloadSelector: { matchLabels: { app: a } } }'),
  CFG412:
    CLOSED +
    serviceEntry('{ hosts: [a.com], resolution: NONE, ports: [{ number: 80, name: tcp, protocol: TCP }] }') +
    gateway(`{ servers: [${server(TCP)}] }`) +
    virtualService(`{ hosts: [a.com], gateways: [a], tcp: [${ROUTE}] }`),
  CFG415: service('{ selector: { app: a }, ports: [{ port: 9000 }] }'),
  CFG416: service('{ type: ExternalName, externalName: db.example.com, ports: [{ port: 9000 }] }'),
  CFG414: ['a', 'b']
    .map(name =>
      resource(
        'Pod',
        'status: { podIP: 10.1.0.1, phase: Running }',
        'v1',
        `name: ${name}, labels: { app: ${name} }`,
      ),
    )
    .join(''),
  CFG419:
    settings('{ proxyProtocol: [{ from: [10.0.0.1], ports: [9001] }] }') +
    gateway(`{ servers: [${server(TCP)}] }`),
  CFG420: resource(
    'Gateway',
    `spec: { servers: [${server(TCP)}] }`,
    ISTIO,
    `name: a, annotations: { proxy.istio.io/config: '{ "gatewayTopology": { "proxyProtocol": {} } }' }`,
  ),
  CFG440: serviceEntry(ENTRY) + policy('{ outlierDetection: {} }'),
  CFG441: serviceEntry(ENTRY) + policy('{ outlierDetection: { maxEjectionPercent: 100 } }'),
  CFG442:
    serviceEntry(
      `{ hosts: [a.com], addresses: [10.0.0.1], resolution: STATIC, ports: [${MANY_PORTS}], endpoints: [{ address: 10.0.0.2 }] }`,
    ) + policy('{ loadBalancer: { consistentHash: { useSourceIp: true, maglev: { tableSize: 1048573 } } } }'),
  CFG443: settings('{ healthChecks: [{ host: b.com }] }') + serviceEntry(ENTRY),
  CFG444: settings('{ healthChecks: [{ host: a.com }, { host: a.com, port: 9000 }] }') + serviceEntry(ENTRY),
  CFG445:
    serviceEntry(ENTRY) +
    policy(
      '{ outlierDetection: { maxEjectionPercent: 100 }, connectionPool: { tcp: { connectTimeout: 1s } }, loadBalancer: { localityLbSetting: { failover: [{ from: us, to: eu }] } } }',
    ),
  CFG430: GUARDED + authorization('{ action: CUSTOM, provider: { name: opa }, rules: [{}] }'),
  CFG431: GUARDED + authorization('{ selector: { matchLabels: { app: b } } }'),
  CFG432: GUARDED + authorization('{ rules: [{ from: [{ source: { principals: [td/ns/a/sa/b] } }] }] }'),
  CFG433: GUARDED + authorization('{ rules: [{ from: [{ source: { notPrincipals: [td/ns/a/sa/b] } }] }] }'),
  CFG436: GUARDED + authorization('{ rules: [{ when: [{ key: connection.sni, values: [a.com] }] }] }'),
  CFG437:
    GUARDED.replace('{ mesh:', '{ authorization: { identity: address }, mesh:') +
    authorization('{ rules: [{ from: [{ source: { namespaces: [Shop] } }] }] }'),
  CFG434:
    GUARDED + resource('PeerAuthentication', 'spec: { mtls: { mode: STRICT } }', 'security.istio.io/v1'),
  CFG435:
    GUARDED.replaceAll('host: a.com', 'host: b.com') +
    resource('PeerAuthentication', 'spec: { mtls: { mode: STRICT } }', 'security.istio.io/v1') +
    serviceEntry(
      '{ hosts: [b.com], resolution: STATIC, ports: [{ number: 9000, name: tcp, protocol: TCP }], workloadSelector: { labels: { app: b } } }',
    ) +
    resource(
      'Pod',
      'spec: {}\nstatus: { podIP: 10.0.0.9 }',
      'v1',
      'name: b-0, labels: { app: b, security.istio.io/tlsMode: istio }',
    ),
  CFG421: settings("{ proxyProtocol: [{ from: ['::/0'] }] }") + gateway(`{ servers: [${server(TCP)}] }`),
  CFG422:
    settings('{ proxyProtocol: [{ from: [10.0.0.1], timeout: 30s }] }') +
    gateway(`{ servers: [${server(TCP)}] }`),
  CFG423: gateway(
    `{ servers: [${server(TCP)}, { hosts: [a.com], port: { number: 9000, name: tls, protocol: TLS }, tls: { mode: PASSTHROUGH } }] }`,
  ),
  CFG418: serviceEntry(ENTRY.replace('protocol: TCP', 'protocol: HTTP')) + tcp(ROUTE),
  CFG413: virtualService(
    '{ hosts: [a.com], tcp: [{ route: [{ destination: { host: a.com }, weight: 1 }, { destination: { host: b.com }, weight: 1 }, { destination: { host: c.com }, weight: 67108865 }] }] }',
    'name: a, annotations: { gateway.weir/split: exact }',
  ),
  CFG417: ['a', 'b']
    .map(name => service('{ selector: { app: a }, ports: [{ port: 9000 }] }', `name: ${name}`))
    .join(''),

  IST0127: serviceEntry(ENTRY) + match('{ sourceLabels: { app: web } }'),
  CFG520: api('Gateway', `{ gatewayClassName: wier, listeners: [${LISTENER}] }`) + CLASS,
  CFG521:
    api('Gateway', `{ gatewayClassName: weir, listeners: [${LISTENER}] }`) +
    CLASS.replace('gateway.weir/controller', 'example.com/gateways'),
  CFG522: `${CLASS}${apiGateway('{ name: web, port: 80, protocol: HTTP }')}`,
  CFG523: `${CLASS}${apiGateway('{ name: tls, port: 9443, protocol: TLS, tls: { certificateRefs: [{ name: cert }] } }')}`,
  CFG524: `${CLASS}${apiGateway(LISTENER)}${tcpRoute('{ parentRefs: [{ name: a, port: 9001 }], rules: [{ backendRefs: [{ name: b, port: 80 }] }] }')}`,
  CFG525: `${CLASS}${apiGateway(LISTENER)}${tcpRoute(ATTACHED)}`,
  CFG526: `${CLASS}${apiGateway(LISTENER)}${tcpRoute(ATTACHED)}${tcpRoute(ATTACHED, 'name: b')}`,
  CFG527: `${CLASS}${apiGateway('{ name: tls, port: 9443, protocol: TLS, tls: { mode: Passthrough } }')}${tlsRoute('name: a')}${tlsRoute('name: b')}`,
  CFG528: `${CLASS}${apiGateway(LISTENER)}${api('BackendTLSPolicy', "{ targetRefs: [{ group: '', kind: Service, name: b }], validation: { hostname: b.test, wellKnownCACertificates: System } }")}`,
  CFG529: `${CLASS}${apiGateway(LISTENER)}${gateway(`{ servers: [${server(TCP.replace('9000', '9001'))}] }`)}`,
  CFG451:
    serviceEntry(ENTRY.replace('10.0.0.1', '10.0.0.0/8')) +
    tcp(
      '{ match: [{ destinationSubnets: [10.1.0.0/16] }], route: [{ destination: { host: a.com } }] }, { match: [{ destinationSubnets: [10.1.2.0/24, 10.2.0.0/16] }], route: [{ destination: { host: a.com } }] }',
    ),
  CFG452: serviceEntry(ENTRY) + match('{ destinationSubnets: [192.168.0.0/16] }'),
  CFG453: match('{ destinationSubnets: [10.0.0.0/8, 10.1.0.0/16] }'),
  CFG454:
    serviceEntry(ENTRY.replace('10.0.0.1', '10.0.0.0/8')) +
    tcp(
      '{ match: [{ destinationSubnets: [10.1.0.0/16], sourceNamespace: shop }], route: [{ destination: { host: a.com } }] }, { match: [{ destinationSubnets: [10.1.2.0/24] }], route: [{ destination: { host: b.com } }] }',
    ),
  CFG455: serviceEntry(ENTRY.replace('10.0.0.1', '10.0.0.0/8')) + manyAsks(),
  CFG466:
    gateway(`{ servers: [${passthrough('b.com')}] }`) +
    virtualService(
      '{ hosts: [a.com, b.com], gateways: [a], tls: [{ match: [{ sniHosts: [a.com] }], route: [{ destination: { host: a.com } }] }] }',
    ),
  CFG456: tcp('{ route: [{ destination: { host: a.com }, weight: 1 }, { destination: { host: b.com } }] }'),
  CFG457: tcp(
    '{ route: [{ destination: { host: a.com }, weight: 1 }, { destination: { host: b.com }, weight: 0 }] }',
  ),
  CFG458: tcp(
    '{ route: [{ destination: { host: a.com }, weight: 1 }, { destination: { host: a.com }, weight: 1 }] }',
  ),
  CFG459: service('{ clusterIP: 10.0.0.1, ports: [{ port: 9000 }] }') + aliased(),
  CFG460: serviceEntry(ENTRY.replace('10.0.0.2', '127.0.0.1')),
  CFG461: destinationRule('{ host: a.com, subsets: [{ name: v1 }] }'),
  CFG462: gateway(`{ servers: [${server(TCP)}] }`),
  CFG463:
    settings('{ workload: { labels: { istio: inner } } }') +
    gateway(`{ selector: { istio: edge }, servers: [${server(TCP)}] }`),
  CFG464: settings('{ admin: { port: 9000 } }') + gateway(`{ servers: [${server(TCP)}] }`),
  CFG465: gateway(
    `{ servers: [${server(TCP)}, { hosts: ['*'], bind: 127.0.0.1, port: { number: 9000, name: own, protocol: TCP } }] }`,
  ),
  // What is served, and the files that replace it (errors.test.ts).
  CFG470: {
    before: serviceEntry(ENTRY) + gateway(`{ servers: [${server(TCP)}] }`) + CLOSED + EDGE_ROUTE,
    after: gateway(`{ servers: [${server(TCP)}] }`) + CLOSED + EDGE_ROUTE,
  },
  CFG491: routeTest('{ gateway: edg, to: 10.0.0.1:9000 }', '{ reason: no-route }'),
  CFG492: routeTest('{ gateway: edge }', "{ rule: 'default/a tcp[1]' }"),
  CFG493: routeTest('{ gateway: mesh }', '{ reason: no-route }'),
  CFG494: routeTest('{ gateway: edge }', '{ reason: idle-timeout }'),
  CFG501: tls('{ mode: SIMPLE, credentialName: cert }'),
  CFG502: authority(EXPIRED),
  CFG503: authority(EXPIRING),
  CFG504: tls('{ mode: SIMPLE, serverCertificate: /etc/passwd, privateKey: /etc/passwd }'),
  CFG506: serviceEntry(ENTRY) + match('{ port: 9000 }') + policy('{ tls: { mode: ISTIO_MUTUAL } }'),
  CFG507: serviceEntry(ENTRY) + match('{ port: 9000 }') + policy('{ tls: { mode: SIMPLE } }'),
  CFG508:
    tls('{ mode: SIMPLE, credentialName: cert }') +
    virtualService(
      `{ hosts: [a.com], gateways: [a], tls: [{ match: [{ sniHosts: [a.com] }], route: [{ destination: { host: a.com } }] }] }`,
    ),
  CFG509: serviceEntry(ENTRY) + match('{ port: 9000 }') + policy('{ tls: { mode: SIMPLE, caCrl: crl.pem } }'),
  CFG510: wrapped('{ mode: PASSTHROUGH }', '', 'tls: [{ match: [{ sniHosts: [a.com] }], '),
  CFG511: wrapped(
    '{ mode: SIMPLE, credentialName: cert }',
    ', annotations: { gateway.weir/starttls: postgres }',
    'tcp: [{ ',
  ),
  CFG512: `${authority(LISTING)
    .trimEnd()
    .replace(/ }\n---$/, `, ca.crl: ${LIST} }`)}\n`,
  CFG481: gateway(`{ servers: [${server('{ number: 443, name: tcp, protocol: TCP }')}] }`),
}

/** A TLS server with a route to a destination that is spoken to by TLS. */
function wrapped(tls: string, metadata: string, route: string): string {
  const servers = `{ servers: [{ hosts: [a.com], port: { number: 9000, name: tls, protocol: TLS }, tls: ${tls} }] }`
  return (
    serviceEntry(ENTRY) +
    gateway(servers, `name: edge${metadata}`) +
    virtualService(
      `{ hosts: [a.com], gateways: [edge], ${route}route: [{ destination: { host: a.com } }] }] }`,
    ) +
    policy('{ tls: { mode: SIMPLE } }')
  )
}

/** A Gateway with one rule, and a test of it. */
function routeTest(connection: string, expect: string): string {
  return (
    gateway(`{ servers: [${server(TCP)}] }`, 'name: edge') +
    virtualService(`{ hosts: [a.com], gateways: [edge], tcp: [${ROUTE}] }`) +
    resource(
      'RouteTest',
      `spec: { tests: [{ name: one, connection: ${connection}, expect: ${expect} }] }`,
      'gateway.weir/v1',
    )
  )
}

/** A VirtualService for the Service "a". */
function aliased(): string {
  return virtualService('{ hosts: [a], tcp: [{ route: [{ destination: { host: a } }] }] }')
}

/**
 * Rules for anybody, and then so many for one client each that the first are not held against all
 * of those.
 */
function manyAsks(): string {
  const to = 'route: [{ destination: { host: a.com } }]'
  const first = Array.from(
    { length: 400 },
    (_, index) => `{ match: [{ destinationSubnets: [10.0.${index >> 8}.${index & 255}] }], ${to} }`,
  )
  const then = Array.from(
    { length: 400 },
    (_, index) => `{ match: [{ sourceLabels: { app: a${index} } }], ${to} }`,
  )
  return tcp([...first, ...then].join(', '))
}
