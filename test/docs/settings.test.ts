/**
 * docs/configuration.md shows every field of the Settings with the default that it has, the range
 * that is held, and the flag that overrides it.
 */

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { formatCidr } from '../../src/address/address.ts'
import { loadConfig } from '../../src/config/load.ts'
import { LIMIT_DEFAULTS } from '../../src/config/plan/source-limits.ts'
import { DEFAULT_ACCESS_LOG, DEFAULT_ADMIN, DEFAULT_SETTINGS } from '../../src/config/settings/settings.ts'
import { CHECK_KINDS, DEFAULT_CHECK } from '../../src/table/plan/health-check.ts'
import { weir } from '../cli/kit.ts'
import { holds, tableOf } from './kit.ts'

type Field = {
  readonly type: string
  readonly byDefault: unknown
  readonly meaning: string
  readonly flag?: string
  /** The least and the greatest value, and values beyond them. */
  readonly range?: { readonly inside: readonly unknown[]; readonly outside: readonly unknown[] }
}

const { mesh, drain, authorization } = DEFAULT_SETTINGS

const numbers = (least: number, most: number) => ({
  inside: [least, most],
  outside: [least - 1, most + 1, '1'],
})
const words = (...inside: readonly string[]) => ({ inside, outside: ['Something'] })

const FIELDS: Readonly<Record<string, Field>> = {
  workers: {
    type: '0 – 1024',
    byDefault: DEFAULT_SETTINGS.workers,
    meaning: 'Worker threads; 0: one for each CPU that the process may use. *read once*',
    flag: '--workers',
    range: numbers(0, 1024),
  },
  engine: {
    type: '`auto`, `uring`, `epoll`, `node`',
    byDefault: DEFAULT_SETTINGS.engine,
    meaning:
      'The engine of the data plane. `auto` takes `uring` if io_uring works, else `epoll`, else `node`; the log says which and why. *read once*',
    flag: '--engine',
    range: words('auto', 'uring', 'epoll', 'node'),
  },
  profile: {
    type: '`sidecar`, `ambient`',
    byDefault: DEFAULT_SETTINGS.profile,
    meaning: 'Which match attributes are allowed; see [the ambient profile](#the-ambient-profile).',
    range: words('sidecar', 'ambient'),
  },
  workload: {
    type: 'object or null',
    byDefault: DEFAULT_SETTINGS.workload,
    meaning:
      'Which workload this process is. Only Gateways whose `selector` fits are served; null serves all.',
    range: { inside: [null, {}], outside: ['edge'] },
  },
  'workload.namespace': {
    type: 'string',
    byDefault: 'default',
    meaning:
      'Its namespace: it sees resources exported to it, and weir looks for DestinationRules there first.',
  },
  'workload.labels': { type: 'labels', byDefault: {}, meaning: 'Its labels.' },
  locality: {
    type: 'object or null',
    byDefault: DEFAULT_SETTINGS.locality,
    meaning: 'Where this gateway is: [near endpoints](#near-endpoints) come first. null: unknown.',
  },
  'locality.region': { type: 'string', byDefault: '', meaning: 'Empty here and below: unknown.' },
  'locality.zone': { type: 'string', byDefault: '', meaning: 'Its zone.' },
  'locality.subzone': { type: 'string', byDefault: '', meaning: 'Its subzone.' },
  'locality.node': { type: 'string', byDefault: '', meaning: 'The name of its node, for PreferSameNode.' },
  'locality.network': {
    type: 'string',
    byDefault: '',
    meaning: 'Its network: `topology.istio.io/network`.',
  },
  'mesh.bind': {
    type: 'IP address, `""` or `*`',
    byDefault: mesh.bind,
    meaning: 'Address of the mesh listeners; empty is every address, IPv4 and IPv6.',
    range: { inside: ['', '*', '::1'], outside: ['localhost'] },
  },
  'mesh.capture': {
    type: '`ports`, `redirect`, `none`',
    byDefault: mesh.capture,
    meaning:
      'A listener for each service port; or one behind a redirect (the original destination is not known yet); or no mesh at all.',
    range: words('ports', 'redirect', 'none'),
  },
  'mesh.port': {
    type: '1 – 65535',
    byDefault: mesh.port,
    meaning: 'Port of the one listener of `capture: redirect`.',
    range: numbers(1, 65535),
  },
  'mesh.outbound': {
    type: '`ALLOW_ANY`, `REGISTRY_ONLY`',
    byDefault: mesh.outbound,
    meaning:
      'Connections to a mesh address that is no service: passed on to that address, or reset as `denied`.',
    range: words('ALLOW_ANY', 'REGISTRY_ONLY'),
  },
  sources: {
    type: 'list',
    byDefault: DEFAULT_SETTINGS.sources,
    meaning:
      'Identities of clients by address. The longest range wins; among equals these come before WorkloadEntries and Pods.',
  },
  'sources[].cidr': {
    type: 'range',
    byDefault: undefined,
    meaning: 'Addresses, such as `10.0.0.0/8`; required.',
  },
  'sources[].namespace': { type: 'string', byDefault: 'default', meaning: 'Their namespace.' },
  'sources[].labels': { type: 'labels', byDefault: {}, meaning: 'Their labels.' },
  admin: {
    type: 'object or null',
    byDefault: DEFAULT_SETTINGS.admin,
    meaning: 'The [admin listener](admin.md); null is off. *read once*',
    flag: '--admin, --no-admin',
    range: { inside: [null, {}], outside: [15021] },
  },
  'admin.address': {
    type: 'IP address, `""` or `*`',
    byDefault: DEFAULT_ADMIN.address,
    meaning: 'Where it listens; give it a reachable address for probes from outside.',
  },
  'admin.port': {
    type: '0 – 65535',
    byDefault: DEFAULT_ADMIN.port,
    meaning: 'Its port; 0 takes a free one.',
    range: numbers(0, 65535),
  },
  'admin.socket': {
    type: 'path',
    byDefault: DEFAULT_ADMIN.socket,
    meaning: 'Path of a UNIX socket to listen on instead, which only its owner may open; empty is none.',
    flag: '--admin unix:PATH',
    range: { inside: ['/run/weir.sock'], outside: [7] },
  },
  'admin.hosts': {
    type: 'list of names',
    byDefault: DEFAULT_ADMIN.hosts,
    meaning: 'Host names that requests may use, beside localhost and IP addresses; it refuses others.',
    range: { inside: [[], ['weir.example']], outside: ['weir.example'] },
  },
  'admin.auth': {
    type: 'object or null',
    byDefault: null,
    meaning:
      'Who may read and change: [tokens and users](admin.md#tokens-and-users); null: whoever can connect reads, this machine changes.',
    range: { inside: [null, {}], outside: [true] },
  },
  'admin.auth.tokens': {
    type: 'list of objects',
    byDefault: [],
    meaning: 'Tokens: the text of a file each.',
  },
  'admin.auth.tokens[].file': {
    type: 'path',
    byDefault: undefined,
    meaning: 'Has 16 to 4 096 characters; required. weir reads it again when it changes.',
  },
  'admin.auth.tokens[].role': {
    type: '`read` or `change`',
    byDefault: 'read',
    meaning: 'What it lets do; once a token is for reading, reading needs one.',
  },
  'admin.auth.peerUids': {
    type: 'list of user numbers',
    byDefault: [],
    meaning:
      'Users of the UNIX socket who may change, beside root and the gateway’s own; others may open it, and may nothing.',
    range: { inside: [[], [0, 1001]], outside: [[-1], ['root']] },
  },
  'admin.fleet': {
    type: 'list of addresses and names',
    byDefault: DEFAULT_ADMIN.fleet,
    meaning:
      'Admin addresses of all replicas, for the [Fleet](admin.md#many-gateways) of the page and `/fleet`: with the port 15021 or another; a name stands for all its addresses.',
    range: {
      inside: [[], ['10.0.0.2', 'gateways.example:15022', '[2001:db8::2]:15021']],
      outside: ['a.test', ['a b'], ['a.test:70000']],
    },
  },
  'drain.timeout': {
    type: 'duration, at most 24h',
    byDefault: `${drain.timeoutMs / 1000}s`,
    meaning: 'Time for connections to end after SIGTERM.',
    flag: '--drain-timeout',
    range: { inside: ['0s', '24h'], outside: ['24h1s', '-1s', 30] },
  },
  'drain.lameDuck': {
    type: 'duration, at most 24h',
    byDefault: `${drain.lameDuckMs / 1000}s`,
    meaning:
      'Time to serve new connections after SIGTERM, while [`/ready`](operations/drain.md#health) says no; SIGINT skips it.',
    range: { inside: ['0s', '24h'], outside: ['24h1s', '-1s', 30] },
  },
  'reload.guard': {
    type: '`refuse`, `warn`, `strict`',
    byDefault: DEFAULT_SETTINGS.reload.guard,
    meaning:
      'How weir treats a change that takes a destination from rules: see [the guard](operations/change.md#the-guard).',
    range: words('refuse', 'warn', 'strict'),
  },
  'reload.history': {
    type: 'string or null',
    byDefault: DEFAULT_SETTINGS.reload.history,
    meaning:
      'A folder that keeps the history of [reloads](admin.md#reloads) over restarts; null: it ends with the process. *read once*',
    range: { inside: ['/var/lib/weir', null], outside: ['', 1] },
  },
  accessLog: {
    type: 'object or null',
    byDefault: DEFAULT_SETTINGS.accessLog,
    meaning: 'A line per connection; null: none. See [the access log](operations/access-log.md).',
    range: { inside: [null, {}], outside: ['/var/log/weir.log'] },
  },
  'accessLog.path': {
    type: 'file',
    byDefault: DEFAULT_ACCESS_LOG.path,
    meaning: 'File of the log; `/dev/stdout` is standard output.',
    flag: '--access-log',
    range: { inside: ['/dev/stdout', 'access.log'], outside: ['', 1, 'a\0b'] },
  },
  'accessLog.format': {
    type: '`json`, `text`',
    byDefault: DEFAULT_ACCESS_LOG.format,
    meaning: 'For machines, or for people.',
    range: words('json', 'text'),
  },
  'accessLog.open': {
    type: 'true, false',
    byDefault: DEFAULT_ACCESS_LOG.open,
    meaning: 'Write a line when a connection is established, too.',
    range: { inside: [true, false], outside: ['true'] },
  },
  'accessLog.every': {
    type: 'duration, at most 24h',
    byDefault: `${DEFAULT_ACCESS_LOG.everyMs / 1000}s`,
    meaning: 'Interval of further lines for open connections; 0s: none; less than 1s counts as 1s.',
    range: { inside: ['0s', '24h'], outside: ['24h1s', '-1s', 30] },
  },
  maxConnections: {
    type: '0 – 16777216',
    byDefault: DEFAULT_SETTINGS.maxConnections,
    meaning:
      'Open connections over all workers; weir resets more as `max-connections`. 0: half of the open-file limit, less 128. A reload cannot exceed the value at the start.',
    range: numbers(0, 2 ** 24),
  },
  connectAttempts: {
    type: '1 – 32',
    byDefault: DEFAULT_SETTINGS.connectAttempts,
    meaning:
      'Endpoints of one destination to try for a connection; Istio tries one. See [failed connects](#failed-connects).',
    range: numbers(1, 32),
  },
  connectDeadline: {
    type: 'duration, 1ms – 1h',
    byDefault: '15s',
    meaning:
      'For all attempts of a connection together. If it is not set, a destination’s longer `connectTimeout` counts instead.',
    range: { inside: ['1ms', '1h'], outside: ['0s', '1h1s', 15] },
  },
  keepalive: {
    type: 'object or null',
    byDefault: { time: '60s', interval: '15s', probes: 4 },
    meaning:
      'Probes for silent clients, and for upstreams whose DestinationRule has no `tcpKeepalive`; null: none. See [vanished peers](#vanished-peers).',
    range: { inside: [null, {}], outside: ['60s'] },
  },
  'keepalive.time': {
    type: 'duration, 1s – 9h6m7s',
    byDefault: '60s',
    meaning: 'Silence before the first probe, in whole seconds.',
    range: { inside: ['1s', '9h6m7s'], outside: ['999ms', '9h6m8s', 60] },
  },
  'keepalive.interval': {
    type: 'duration, 1s – 9h6m7s',
    byDefault: '15s',
    meaning: 'Between unanswered probes, in whole seconds.',
    range: { inside: ['1s', '9h6m7s'], outside: ['999ms', '9h6m8s', 15] },
  },
  'keepalive.probes': {
    type: '1 – 127',
    byDefault: 4,
    meaning: 'Unanswered probes after which the connection ends.',
    range: numbers(1, 127),
  },
  'kubernetes.namespaces': {
    type: 'list of names',
    byDefault: DEFAULT_SETTINGS.kubernetes.namespaces,
    meaning:
      'With `--kubernetes`: the namespaces that weir reads; none: all. See [a cluster as the source](kubernetes.md). *read once*',
    range: { inside: [[], ['shop']], outside: ['shop', ['a/b']] },
  },
  'kubernetes.gatewaySelector': {
    type: 'labels',
    byDefault: DEFAULT_SETTINGS.kubernetes.gatewaySelector,
    meaning:
      'With `--kubernetes`: only Gateways with these labels are read, of Istio and of Gateway API. *read once*',
    range: { inside: [{ app: 'edge' }], outside: ['app'] },
  },
  'kubernetes.gatewayClass': {
    type: 'name or null',
    byDefault: DEFAULT_SETTINGS.kubernetes.gatewayClass,
    meaning:
      'With `--kubernetes`: only Gateways of Gateway API with this `gatewayClassName` are read; null: those of every class whose controller is weir. *read once*',
    range: { inside: [null, 'weir-internal'], outside: ['', 'a b', ['a']] },
  },
  'kubernetes.status': {
    type: 'true or false',
    byDefault: DEFAULT_SETTINGS.kubernetes.status,
    meaning:
      'With `--kubernetes`: weir writes what it makes of resources into their status, and Events. *read once*',
    range: { inside: [true, false], outside: ['yes'] },
  },
  'kubernetes.addresses': {
    type: 'list of IP addresses or host names',
    byDefault: DEFAULT_SETTINGS.kubernetes.addresses,
    meaning:
      'With `--kubernetes`: where clients reach the Gateways of Gateway API, for [their status](gateway-api.md#status): usually those of the load balancer. None: the addresses of the Pod. *read once*',
    range: { inside: [[], ['192.0.2.1', '2001:db8::1', 'edge.example']], outside: [['a b'], ['a..b'], 'a'] },
  },
  'dns.servers': {
    type: 'list of addresses',
    byDefault: [],
    meaning:
      'Name servers instead of those of resolv.conf, each with a port if it is not 53: `10.0.0.2`, `127.0.0.1:8600`, `"[::1]:53"`. See [names](operations/names.md).',
    range: {
      inside: [[], ['10.0.0.2', '127.0.0.1:8600', '::1', '[::1]:53']],
      outside: ['10.0.0.2', ['dns.test'], ['10.0.0.2:0']],
    },
  },
  userTimeout: {
    type: 'duration, at most 24h',
    byDefault: '0s',
    meaning:
      'How long bytes to a client or an upstream may go unacknowledged (TCP_USER_TIMEOUT); 0s: the kernel’s default. It also ends a peer that does not read for so long.',
    range: { inside: ['0s', '24h'], outside: ['24h1s', '-1s', 30] },
  },
  writeTimeout: {
    type: 'duration, at most 24h',
    byDefault: '0s',
    meaning:
      'How long a client or an upstream may take no byte of those that wait for it; 0s is no limit. See [readers that stall](#readers-that-stall).',
    range: { inside: ['0s', '24h'], outside: ['24h1s', '-1s', 30] },
  },
  'reading.timeout': {
    type: 'duration, 1ms – 10m',
    byDefault: `${DEFAULT_SETTINGS.reading.timeoutMs / 1000}s`,
    meaning:
      'Time to read what weir needs for its decision (a [PROXY header](#proxy-protocol), a [server name](#server-names)) and to finish the handshake where a client’s [TLS](tls.md) ends, from accept.',
    range: { inside: ['1ms', '10m'], outside: ['0s', '10m1s', 15] },
  },
  proxyProtocol: {
    type: 'list',
    byDefault: DEFAULT_SETTINGS.proxyProtocol,
    meaning:
      'Listeners behind a load balancer, which read a [PROXY header](#proxy-protocol). The first entry that matches a listener applies.',
  },
  'proxyProtocol[].gateways': {
    type: 'list of `namespace/name` or `mesh`',
    byDefault: undefined,
    meaning: 'Whose listeners; default: all.',
  },
  'proxyProtocol[].ports': {
    type: 'list of 1 – 65535',
    byDefault: undefined,
    meaning: 'Ports of the listeners; default: all.',
  },
  'proxyProtocol[].from': {
    type: 'list of ranges',
    byDefault: undefined,
    meaning: 'Addresses of the load balancers; required. Peers from there must send a header.',
  },
  'proxyProtocol[].require': {
    type: 'true, false',
    byDefault: true,
    meaning: 'All other peers: reset as `proxy-untrusted`, or served without a header, whatever they send.',
  },
  'proxyProtocol[].versions': {
    type: 'list of 1, 2',
    byDefault: [1, 2],
    meaning: 'Accepted versions of the protocol.',
  },
  'proxyProtocol[].timeout': {
    type: 'duration, 1ms – 1m',
    byDefault: '5s',
    meaning:
      'Time until the header is complete, from accept; then weir resets the connection as `proxy-timeout`. At most `reading.timeout`.',
  },
  healthChecks: {
    type: 'list',
    byDefault: DEFAULT_SETTINGS.healthChecks,
    meaning:
      '[Health checks](#health-checks) of destinations. The first entry that fits one applies, before an annotation.',
  },
  'healthChecks[].host': {
    type: 'string',
    byDefault: undefined,
    meaning: 'The full host of the destinations; required.',
  },
  'healthChecks[].subset': {
    type: 'string or null',
    byDefault: null,
    meaning: 'Their subset; default: any.',
  },
  'healthChecks[].port': { type: '1 – 65535', byDefault: undefined, meaning: 'Their port; default: any.' },
  'healthChecks[].kind': {
    type: CHECK_KINDS.map(each => `\`${each}\``).join(', '),
    byDefault: 'tcp',
    meaning: 'What is checked.',
  },
  'healthChecks[].interval': {
    type: 'duration, 100ms – 1h',
    byDefault: '2s',
    meaning: 'From one check to the next.',
  },
  'healthChecks[].timeout': {
    type: 'duration, 1ms – 1h',
    byDefault: '1s',
    meaning: 'For a whole check; at most the interval.',
  },
  'healthChecks[].rise': {
    type: '1 – 100',
    byDefault: DEFAULT_CHECK.rise,
    meaning: 'Checks in a row that put an endpoint back into rotation.',
  },
  'healthChecks[].fall': {
    type: '1 – 100',
    byDefault: DEFAULT_CHECK.fall,
    meaning: 'Checks in a row that take it out.',
  },
  'healthChecks[].send': {
    type: 'string',
    byDefault: DEFAULT_CHECK.send,
    meaning: '`tcp` only: what weir says first, as in the annotation.',
  },
  'healthChecks[].expect': {
    type: 'string',
    byDefault: undefined,
    meaning: '`tcp` only: what has to be in the answer, as in the annotation.',
  },
  'healthChecks[].onDown': {
    type: '`keep`, `close`',
    byDefault: DEFAULT_CHECK.onDown,
    meaning: 'What becomes of open connections when an endpoint goes down.',
  },
  'authorization.identity': {
    type: '`none`, `address`',
    byDefault: authorization.identity,
    meaning:
      'How [AuthorizationPolicies](#who-may-connect) identify a client. `address`: as the workload at its address, so anyone who can send from there is that workload.',
    range: words('none', 'address'),
  },
  'authorization.onChange': {
    type: '`keep`, `revoke`',
    byDefault: authorization.onChange,
    meaning:
      'Open connections that changed policies deny: `revoke` resets them as `denied-by-policy`, `keep` leaves them.',
    range: words('keep', 'revoke'),
  },
  'authorization.revokeOver': {
    type: 'duration, 0 – 24h',
    byDefault: `${authorization.revokeOverMs / 1000}s`,
    meaning: 'Time over which `revoke` spreads the resets.',
    range: { inside: ['0s', '24h'], outside: ['-1s', '25h', 5] },
  },
  'limits.perSource': {
    type: 'object, or null',
    byDefault: null,
    meaning:
      'Limit for [each source](#limits-for-each-source) over all listeners; weir resets more as `source-limit`.',
  },
  'limits.perSource.connections': {
    type: '0 – 16777216',
    byDefault: LIMIT_DEFAULTS.connections,
    meaning: 'Open connections; 0: no limit.',
    range: numbers(0, 16_777_216),
  },
  'limits.perSource.rate': {
    type: '0 – 1000000',
    byDefault: LIMIT_DEFAULTS.rate,
    meaning: 'New connections per second; 0: no limit.',
    range: numbers(0, 1_000_000),
  },
  'limits.perSource.burst': {
    type: '0 – 1000000',
    byDefault: LIMIT_DEFAULTS.burst,
    meaning: 'New connections at once after a pause; 0: as many as `rate`.',
    range: numbers(0, 1_000_000),
  },
  'limits.perSource.prefix4': {
    type: '1 – 32',
    byDefault: LIMIT_DEFAULTS.prefix4,
    meaning: 'IPv4 addresses with this many equal first bits are one source.',
    range: numbers(1, 32),
  },
  'limits.perSource.prefix6': {
    type: '1 – 128',
    byDefault: LIMIT_DEFAULTS.prefix6,
    meaning: 'The same for IPv6.',
    range: numbers(1, 128),
  },
}

function load(spec: object) {
  const text = JSON.stringify({
    apiVersion: 'gateway.weir/v1',
    kind: 'Settings',
    metadata: { name: 'a' },
    spec,
  })
  return loadConfig([{ file: 'a.json', bytes: new TextEncoder().encode(text) }], { names: new Map() })
}

/** `{ mesh: { bind: value } }` for "mesh.bind". */
const nested = (path: string, value: unknown): object =>
  path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object

const showDefault = (value: unknown): string =>
  value === undefined
    ? ''
    : typeof value === 'object' && value
      ? oneLine(value)
      : `\`${value === '' ? '""' : value}\``

const oneLine = (value: object): string =>
  `\`${JSON.stringify(value).replaceAll('"', '').replaceAll(':', ': ').replaceAll(',', ', ')}\``

test('docs/configuration.md shows every field of the Settings', async () => {
  const names = new Set(Object.keys(FIELDS).map(path => path.split(/[.[]/)[0]))
  // Inside, a duration is named with its unit.
  const known = Object.keys(DEFAULT_SETTINGS).map(name => name.replace(/Ms$/, ''))
  deepEqual([...names].sort(), known.sort())
  deepEqual(
    Object.keys(FIELDS).flatMap(path => (path.startsWith('mesh.') ? [path.slice(5)] : [])),
    Object.keys(mesh),
  )
  const rows = Object.entries(FIELDS).map(([path, { type, byDefault, meaning, flag = '' }]) => [
    `\`${path}\``,
    type,
    showDefault(byDefault),
    meaning,
    flag.replaceAll(/--[\w-]+/g, '`$&`'),
  ])
  holds('docs/configuration.md', 'settings', tableOf(['field', 'value', 'default', 'meaning', 'flag'], rows))
  const { out } = await weir(['run', '--help'])
  for (const { flag } of Object.values(FIELDS))
    for (const [each] of flag?.matchAll(/--[\w-]+/g) ?? []) ok(out.includes(each), each)
})

test('the ranges that docs/configuration.md gives are those that are held', () => {
  for (const [path, { range }] of Object.entries(FIELDS)) {
    for (const value of range?.inside ?? []) deepEqual(load(nested(path, value)).diagnostics, [], path)
    for (const value of range?.outside ?? []) {
      equal(load(nested(path, value)).diagnostics[0]?.code, 'CFG032', `${path}: ${value}`)
    }
  }
})

test('an entry of proxyProtocol is what docs/configuration.md says', () => {
  const of = (entry: object) => load({ proxyProtocol: [{ from: ['10.0.0.0/8'], ...entry }] })
  const { settings } = of({})
  deepEqual(
    settings.proxyProtocol.map(({ from, ...rest }) => ({ ...rest, from: from.map(formatCidr) })),
    [
      {
        gateways: [],
        ports: [],
        from: ['10.0.0.0/8'],
        require: true,
        versions: [1, 2],
        timeoutMs: null,
      },
    ],
  )
  const wrong: readonly object[] = [
    ...[{ from: [] }, { from: undefined }, { from: ['10.0.0.0/33'] }],
    ...[{ gateways: ['edge'] }, { gateways: [] }, { ports: [0] }, { ports: [] }],
    ...[{ versions: [] }, { versions: [3] }, { versions: ['1'] }, { require: 'yes' }],
    ...[{ timeout: '0s' }, { timeout: '61s' }, { timeout: 5 }],
  ]
  for (const entry of wrong) equal(of(entry).diagnostics[0]?.code, 'CFG032', JSON.stringify(entry))
  equal(of({ trusted: [] }).diagnostics[0]?.code, 'CFG031')
  const right = [
    { gateways: ['mesh', 'shop/edge'] },
    { ports: [1, 65535] },
    { versions: [2] },
    { timeout: '1m' },
  ]
  for (const entry of right)
    deepEqual(
      of(entry).diagnostics.filter(each => each.severity === 'error'),
      [],
      JSON.stringify(entry),
    )
})

test('an entry of healthChecks is what docs/configuration.md says', () => {
  const of = (entry: object) => load({ healthChecks: [{ host: 'a.com', ...entry }] })
  const errors = (entry: object) => of(entry).diagnostics.filter(each => each.severity === 'error')
  deepEqual(of({}).settings.healthChecks, [
    { ...DEFAULT_CHECK, host: 'a.com', subset: null, port: 0, kind: 'tcp' },
  ])
  deepEqual(of({ interval: '500ms' }).settings.healthChecks[0].timeoutMs, 500)
  deepEqual(of({ send: 'hex:0d0a', expect: '^+OK\\r\\n' }).settings.healthChecks[0], {
    ...DEFAULT_CHECK,
    host: 'a.com',
    subset: null,
    port: 0,
    kind: 'tcp',
    send: '\r\n',
    expect: { bytes: '+OK\r\n', isPrefix: true },
  })
  const wrong: readonly object[] = [
    ...[{ host: undefined }, { host: 1 }, { subset: 2 }, { port: 0 }, { port: 65536 }, { kind: 'http' }],
    ...[{ interval: '99ms' }, { interval: '61m' }, { timeout: '0s' }, { interval: '1s', timeout: '2s' }],
    ...[{ rise: 0 }, { fall: 101 }, { send: 'hex:0' }, { send: '\\x' }, { expect: '' }, { onDown: 'drop' }],
    ...[
      { kind: 'redis', send: 'PING' },
      { kind: 'tls', expect: 'a' },
    ],
  ]
  for (const entry of wrong) equal(errors(entry)[0]?.code, 'CFG032', JSON.stringify(entry))
  equal(errors({ path: '/' })[0]?.code, 'CFG031')
  const right = [
    { subset: 'v1' },
    { port: 65535 },
    { interval: '100ms' },
    { onDown: 'close' },
    { kind: 'smtp' },
  ]
  for (const entry of right) deepEqual(errors(entry), [], JSON.stringify(entry))
})

test('the defaults inside objects are those that docs/configuration.md gives', () => {
  const { settings } = load({ workload: {}, sources: [{ cidr: '10.0.0.0/8' }], admin: {}, accessLog: {} })
  const { 'workload.namespace': namespace, 'workload.labels': labels } = FIELDS
  deepEqual(settings.workload, { namespace: namespace.byDefault, labels: labels.byDefault })
  deepEqual(
    settings.sources.map(each => ({ ...each, cidr: formatCidr(each.cidr) })),
    [{ cidr: '10.0.0.0/8', namespace: 'default', labels: {} }],
  )
  deepEqual(settings.admin, DEFAULT_ADMIN)
  deepEqual(settings.accessLog, DEFAULT_ACCESS_LOG)
})
