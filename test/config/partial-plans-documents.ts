/** Resources that refer to each other in many ways, each as a document. */

import fc from 'fast-check'

export const resource = (kind: string, id: string, spec: object, annotations = {}): string => {
  const [namespace, name] = id.split('/')
  const group = kind === 'Settings' ? 'gateway.weir/v1' : 'networking.istio.io/v1'
  const metadata = { name, ...(kind !== 'Settings' && { namespace }), annotations }
  return `${JSON.stringify({ apiVersion: group, kind, metadata, spec }, null, 1)}\n`
}

const NAMESPACES = ['default', 'shop']
export const often = <Item>(items: readonly Item[], times: number): Item[] =>
  Array.from({ length: times }, () => items).flat()
const namespace = fc.constantFrom(...NAMESPACES)
const exportTo = fc.constantFrom<string[] | undefined>(
  undefined,
  undefined,
  undefined,
  ['.'],
  ['*'],
  ['shop'],
)
const subnet = fc.constantFrom(
  '10.1.0.0/16',
  '10.1.2.0/24',
  '10.2.0.0/16',
  '127.0.0.0/8',
  '240.0.0.1',
  'fd00::/8',
)

const settings = fc
  .record({
    capture: fc.constantFrom('none', 'ports', 'ports', 'redirect'),
    outbound: fc.constantFrom('ALLOW_ANY', 'REGISTRY_ONLY'),
    workload: fc.constantFrom(null, null, { namespace: 'shop', labels: { app: 'edge' } }),
  })
  .map(({ capture, outbound, workload }) =>
    resource('Settings', '/weir', { mesh: { capture, outbound }, workload }),
  )

export const server = (number: number, protocol: string, hosts: readonly string[]) => ({
  port: { number, name: `p${number}`, protocol },
  hosts,
  ...(protocol === 'TLS' && { tls: { mode: 'PASSTHROUGH' } }),
})
const gateway = fc
  .record({
    name: fc.constantFrom('edge', 'edge', 'side'),
    ports: fc.constantFrom([15_100], [15_100, 15_101], [15_101, 15_102], []),
    tls: fc.constantFrom([], ['*'], ['a.com', '*.b.com'], ['*.com']),
    app: fc.constantFrom('edge', 'other'),
  })
  .map(({ name, ports, tls, app }) =>
    resource('Gateway', `default/${name}`, {
      selector: { app },
      servers: [
        ...ports.map(each => server(each, 'TCP', ['*'])),
        ...(tls.length > 0 ? [server(15_443, 'TLS', tls)] : []),
        ...(ports.length + tls.length === 0 ? [server(15_103, 'TCP', ['shop/*'])] : []),
      ],
    }),
  )

const HOSTS = ['a.com', 'b.com', 'c.com']
const entry = fc
  .record({
    namespace,
    host: fc.constantFrom(...HOSTS),
    ports: fc.constantFrom([80], [80, 443], [90]),
    protocol: fc.constantFrom('TCP', 'TCP', 'TLS', 'HTTP'),
    endpoints: fc.subarray([1, 2, 3]),
    resolution: fc.constantFrom('STATIC', 'STATIC', 'DNS', 'NONE'),
    addresses: fc.constantFrom([], ['240.0.0.1'], ['240.0.0.1', '240.0.0.2']),
    exportTo,
  })
  .map(({ namespace, host, ports, protocol, endpoints, resolution, addresses, exportTo }) =>
    resource('ServiceEntry', `${namespace}/${host[0]}`, {
      hosts: [host],
      addresses,
      ports: ports.map(number => ({ number, name: `p${number}`, protocol })),
      resolution,
      exportTo,
      ...(resolution !== 'NONE' && {
        endpoints: endpoints.map(low => ({
          address: resolution === 'DNS' ? `n${low}.test` : `10.9.0.${low}`,
          labels: { version: `v${low % 2}` },
        })),
      }),
    }),
  )

const rule = fc
  .record({
    namespace,
    host: fc.constantFrom(...HOSTS),
    subsets: fc.subarray(['v0', 'v1']),
    maxConnections: fc.constantFrom(undefined, 7),
    simple: fc.constantFrom(undefined, 'LEAST_REQUEST', 'PASSTHROUGH'),
    exportTo,
  })
  .map(({ namespace, host, subsets, maxConnections, simple, exportTo }) =>
    resource('DestinationRule', `${namespace}/${host[0]}`, {
      host,
      exportTo,
      subsets: subsets.map(name => ({ name, labels: { version: name } })),
      trafficPolicy: { connectionPool: { tcp: { maxConnections } }, loadBalancer: { simple } },
    }),
  )

const client = fc.tuple(namespace, fc.integer({ min: 1, max: 3 })).map(([namespace, low]) =>
  resource('WorkloadEntry', `${namespace}/w${low}`, {
    address: `10.1.2.${low}`,
    labels: { app: `c${low % 2}` },
  }),
)

const destination = fc
  .record({
    host: fc.constantFrom(...often(HOSTS, 10), 'nowhere.com'),
    subset: fc.constantFrom(...often([undefined], 20), 'v0', 'v0', 'v1'),
    port: fc.constantFrom(...often([80], 20), undefined, 90),
    weight: fc.constantFrom(...often([1, 20, 80], 8), undefined),
  })
  .map(({ host, subset, port, weight }) => ({
    destination: { host, subset, ...(port && { port: { number: port } }) },
    weight,
  }))
const route = fc.uniqueArray(destination, {
  minLength: 1,
  maxLength: 3,
  selector: each => each.destination.host,
})
const match = fc.record({
  port: fc.constantFrom(...often([undefined], 12), 80, 15_100),
  destinationSubnets: fc.array(subnet, { minLength: 1, maxLength: 2 }),
  sourceSubnet: fc.constantFrom(undefined, '10.1.0.0/16', 'fd00::/8'),
  sourceLabels: fc.constantFrom(undefined, undefined, { app: 'c0' }, { app: 'c1' }),
  gateways: fc.constantFrom(...often([undefined], 12), ['default/edge']),
})
const tcp = fc.record({ match: fc.array(match, { minLength: 1, maxLength: 2 }), route })
/** Hosts, and names below them that a client may ask for. */
const asked = fc.constantFrom(
  { hosts: ['a.com'], names: ['a.com'] },
  { hosts: ['a.com', '*.b.com'], names: ['x.b.com', '*.b.com'] },
  { hosts: ['c.com', 'b.com'], names: ['b.com', 'c.com'] },
)
export const virtualService = fc
  .record({
    namespace,
    name: fc.nat(25).map(index => `r${index}`),
    asked,
    gateways: fc.constantFrom(
      ['default/edge'],
      ['default/edge', 'default/side'],
      ['default/side', 'mesh', 'default/edge'],
      ['default/edge', 'mesh'],
    ),
    exportTo,
    tcp: fc.array(tcp, { minLength: 1, maxLength: 4 }),
    last: fc.constantFrom(...often([false], 6), true),
    tls: fc.option(route, { nil: undefined, freq: 1 }),
    http: fc.constantFrom(...often([false], 12), true),
    split: fc.constantFrom('random', 'random', 'exact', 'sticky'),
  })
  .map(({ namespace, name, asked, gateways, exportTo, tcp, last, tls, http, split }) => {
    const { hosts, names } = asked
    const all = [...tcp, ...(last && tcp[0] ? [{ route: tcp[0].route }] : [])]
    const spec = {
      hosts: gateways.some(each => each === 'mesh') || tls ? hosts : ['*'],
      gateways,
      exportTo,
      ...(all.length > 0 && !http && { tcp: all }),
      ...(tls && { tls: names.map(each => ({ match: [{ sniHosts: [each] }], route: tls })) }),
      ...(http && { http: [{ route: [{ destination: { host: 'a.com' } }] }] }),
    }
    return resource('VirtualService', `${namespace}/${name}`, spec, { 'gateway.weir/split': split })
  })

export const others = fc.oneof(
  { arbitrary: settings, weight: 1 },
  { arbitrary: gateway, weight: 2 },
  { arbitrary: entry, weight: 4 },
  { arbitrary: rule, weight: 2 },
  { arbitrary: client, weight: 1 },
)
export const document = fc.oneof(others, virtualService)

/** What a small edit puts in place of what. */
export const START: readonly string[] = [
  ...['edge', 'side'].map((name, index) =>
    resource('Gateway', `default/${name}`, {
      selector: {},
      servers: [server(15_100 + 100 * index, 'TCP', ['*'])],
    }),
  ),
  ...HOSTS.map((host, index) =>
    resource('ServiceEntry', `default/${host[0]}`, {
      hosts: [host],
      addresses: [`240.0.1.${index}`],
      ports: [{ number: 80, name: 't', protocol: 'TCP' }],
      resolution: 'STATIC',
      endpoints: [{ address: `10.9.1.${index}`, labels: { version: 'v0' } }],
    }),
  ),
  ...HOSTS.map(host =>
    resource('DestinationRule', `default/${host[0]}`, {
      host,
      subsets: [{ name: 'v0', labels: { version: 'v0' } }],
    }),
  ),
  ...[1, 2].map(low =>
    resource('WorkloadEntry', `default/c${low}`, {
      address: `10.1.2.${low}`,
      labels: { app: `c${low % 2}` },
    }),
  ),
]
