/**
 * From the Settings document to Settings: one table of fields with their allowed values.
 *
 * Every field is optional. A wrong field is reported and gets its default, so that one run reports
 * every mistake. docs/configuration.md shows the same fields to the reader.
 */

import { whereText } from '../../base/where-text.ts'
import type { SourceLimit } from '../../table/plan/access.ts'
import { DEFAULT_KEEPALIVE, type Keepalive } from '../../table/plan/policy.ts'
import type { Findings } from '../findings/diagnostic.ts'
import { ATTEMPTS_MAX, DEADLINE_MS_MAX } from '../plan/dialing.ts'
import { LIMIT_DEFAULTS, LIMIT_RANGES, readyLimit } from '../plan/source-limits.ts'
import { KEEPALIVE_MS_MAX, keepaliveOf, PEER_TIMEOUT_MS_MAX, PROBES_MAX } from '../plan/tcp-times.ts'
import type { Resource } from '../resource.ts'
import {
  bindAddress,
  bool,
  choice,
  cidr,
  duration,
  gatewayName,
  hostPort,
  ignored,
  integer,
  list,
  mapped,
  nameServer,
  object,
  objectWith,
  orNull,
  path,
  type Reader,
  someOf,
  strings,
  text,
} from './fields.ts'
import { healthCheck } from './health-check-fields.ts'
import { kubernetes } from './kubernetes-fields.ts'
import {
  type AdminAuth,
  type AdminSettings,
  type AuthorizationSettings,
  DEFAULT_ACCESS_LOG,
  DEFAULT_ADMIN,
  DEFAULT_SETTINGS,
  type LocalitySettings,
  type ProxySetting,
  type Settings,
} from './settings.ts'

const GROUP = 'gateway.weir'
const API_VERSION = `${GROUP}/v1`

const PORT_MAX = 65535
const UID_MAX = 2 ** 32 - 2
const WORKERS_MAX = 1024
const CONNECTIONS_MAX = 1 << 24
const DRAIN_MS_MAX = 24 * 3_600_000
/** Enough for any header that is on its way at all. */
const PROXY_MS_MAX = 60_000
const READING_MS_MAX = 600_000
const EVERY_MS_MAX = 24 * 3_600_000
/** Anything less counts as this. */
const EVERY_MS_LEAST = 1_000

const REVOKE_MS_MAX = 24 * 3_600_000

type Workload = NonNullable<Settings['workload']>
type Source = Settings['sources'][number]

const versionNumber = integer(1, 2) as Reader<1 | 2>

/** The shape as written. */
type ProxyEntry = Omit<ProxySetting, 'timeoutMs'> & { readonly timeout: number | null }

const proxyDefaults: Omit<ProxyEntry, 'from'> = {
  gateways: [],
  ports: [],
  require: true,
  versions: [1, 2],
  timeout: null,
}

const proxyEntry: Reader<ProxySetting> = mapped(
  objectWith<ProxyEntry>(
    'from',
    {
      gateways: someOf(gatewayName),
      ports: someOf(integer(1, PORT_MAX)),
      from: someOf(cidr),
      require: bool,
      versions: someOf(versionNumber),
      timeout: duration(PROXY_MS_MAX, 1),
    },
    proxyDefaults,
  ),
  ({ timeout, ...rest }) => ({ ...rest, timeoutMs: timeout }),
)

const authorization: Reader<AuthorizationSettings> = mapped(
  object<{ identity: 'none' | 'address'; onChange: 'keep' | 'revoke'; revokeOver: number }>(
    {
      identity: choice('none', 'address'),
      onChange: choice('keep', 'revoke'),
      revokeOver: duration(REVOKE_MS_MAX),
    },
    { identity: 'none', onChange: 'keep', revokeOver: DEFAULT_SETTINGS.authorization.revokeOverMs },
  ),
  ({ revokeOver, ...rest }) => ({ ...rest, revokeOverMs: revokeOver }),
)

/** Without a role, a token only lets read. */
const adminAuth: Reader<AdminAuth> = object<AdminAuth>(
  {
    tokens: list(
      objectWith<AdminAuth['tokens'][number]>(
        'file',
        { file: path, role: choice('read', 'change') },
        { role: 'read' },
      ),
    ),
    peerUids: list(integer(0, UID_MAX)),
  },
  { tokens: [], peerUids: [] },
)

const within = (field: keyof SourceLimit): Reader<number> => integer(...LIMIT_RANGES[field])

const sourceLimit: Reader<SourceLimit> = mapped(
  object<SourceLimit>(
    {
      connections: within('connections'),
      rate: within('rate'),
      burst: within('burst'),
      prefix4: within('prefix4'),
      prefix6: within('prefix6'),
    },
    LIMIT_DEFAULTS,
  ),
  readyLimit,
)

const { timeS, intervalS, probes: probesByDefault } = DEFAULT_KEEPALIVE

const keepalive: Reader<Keepalive> = mapped(
  object<{ time: number; interval: number; probes: number }>(
    {
      time: duration(KEEPALIVE_MS_MAX, 1000),
      interval: duration(KEEPALIVE_MS_MAX, 1000),
      probes: integer(1, PROBES_MAX),
    },
    { time: timeS * 1000, interval: intervalS * 1000, probes: probesByDefault },
  ),
  ({ time, interval, probes }) => keepaliveOf(time, interval, probes),
)

const workloadDefaults: Workload = { namespace: 'default', labels: {} }

const { everyMs, ...others } = DEFAULT_ACCESS_LOG
const accessLogDefaults = { ...others, every: everyMs }

/** The written form of Settings, for the fields with another name or shape there. */
type Spec = Omit<Settings, 'connectDeadlineMs' | 'userTimeoutMs' | 'writeTimeoutMs'> & {
  connectDeadline: Settings['connectDeadlineMs']
  userTimeout: number
  writeTimeout: number
}
const { connectDeadlineMs, userTimeoutMs, writeTimeoutMs, ...settingsDefaults } = DEFAULT_SETTINGS

const SPEC: Reader<Settings> = mapped(
  object<Spec>(
    {
      workers: integer(0, WORKERS_MAX),
      engine: choice('auto', 'uring', 'epoll', 'node'),
      profile: choice('sidecar', 'ambient'),
      workload: orNull(object<Workload>({ namespace: text, labels: strings }, workloadDefaults)),
      locality: orNull(
        object<LocalitySettings>(
          { region: text, zone: text, subzone: text, node: text, network: text },
          { region: '', zone: '', subzone: '', node: '', network: '' },
        ),
      ),
      mesh: object(
        {
          bind: bindAddress,
          capture: choice('ports', 'redirect', 'none'),
          port: integer(1, PORT_MAX),
          outbound: choice('ALLOW_ANY', 'REGISTRY_ONLY'),
        },
        DEFAULT_SETTINGS.mesh,
      ),
      sources: list(objectWith<Source>('cidr', { cidr, namespace: text, labels: strings }, workloadDefaults)),
      admin: orNull(
        object<AdminSettings>(
          {
            address: bindAddress,
            port: integer(0, PORT_MAX),
            socket: text,
            hosts: list(text),
            auth: orNull(adminAuth),
            fleet: list(hostPort),
          },
          DEFAULT_ADMIN,
        ),
      ),
      drain: mapped(
        object(
          { timeout: duration(DRAIN_MS_MAX), lameDuck: duration(DRAIN_MS_MAX) },
          { timeout: DEFAULT_SETTINGS.drain.timeoutMs, lameDuck: DEFAULT_SETTINGS.drain.lameDuckMs },
        ),
        ({ timeout, lameDuck }) => ({ timeoutMs: timeout, lameDuckMs: lameDuck }),
      ),
      reload: object(
        { guard: choice('refuse', 'warn', 'strict'), history: orNull(path) },
        DEFAULT_SETTINGS.reload,
      ),
      accessLog: orNull(
        mapped(
          object(
            { path, format: choice('json', 'text'), open: bool, every: duration(EVERY_MS_MAX) },
            accessLogDefaults,
          ),
          ({ every, ...rest }) => ({ ...rest, everyMs: every === 0 ? 0 : Math.max(every, EVERY_MS_LEAST) }),
        ),
      ),
      maxConnections: integer(0, CONNECTIONS_MAX),
      connectAttempts: integer(1, ATTEMPTS_MAX),
      connectDeadline: duration(DEADLINE_MS_MAX, 1),
      keepalive: orNull(keepalive),
      userTimeout: duration(PEER_TIMEOUT_MS_MAX),
      writeTimeout: duration(PEER_TIMEOUT_MS_MAX),
      reading: mapped(
        object({ timeout: duration(READING_MS_MAX, 1) }, { timeout: DEFAULT_SETTINGS.reading.timeoutMs }),
        ({ timeout }) => ({ timeoutMs: timeout }),
      ),
      proxyProtocol: list(proxyEntry),
      healthChecks: list(healthCheck),
      authorization,
      kubernetes,
      dns: object({ servers: list(nameServer) }, DEFAULT_SETTINGS.dns),
      limits: object({ perSource: orNull(sourceLimit) }, DEFAULT_SETTINGS.limits),
    },
    {
      ...settingsDefaults,
      connectDeadline: connectDeadlineMs,
      userTimeout: userTimeoutMs,
      writeTimeout: writeTimeoutMs,
    },
  ),
  ({ connectDeadline, userTimeout, writeTimeout, ...rest }) => ({
    ...rest,
    connectDeadlineMs: connectDeadline,
    userTimeoutMs: Math.floor(userTimeout),
    writeTimeoutMs: Math.floor(writeTimeout),
  }),
)

/** A Settings document; its metadata was checked like that of every resource. */
type Document = { apiVersion: string; kind: never; metadata: never; spec: Settings }
const DOCUMENT: Reader<Partial<Document>> = object<Partial<Document>>(
  { apiVersion: choice(API_VERSION), kind: ignored, metadata: ignored, spec: SPEC },
  {},
)

/**
 * The settings in `resources`, with defaults for the rest. A cluster has services of all kinds, and
 * few are this machine's to open ports for: with a cluster as the source the mesh listens only if
 * the document has a `mesh`.
 */
export function readSettings(
  resources: readonly Resource[],
  findings: Findings,
  isCluster = false,
): Settings {
  const [first, ...others] = resources.filter(
    ({ apiVersion, kind }) => kind === 'Settings' && apiVersion.startsWith(`${GROUP}/`),
  )
  for (const other of others) {
    const { file, line } = first.locate([])
    const message = `there is more than one Settings document; the first is at ${whereText(file, line)}`
    findings.at('CFG030', other, [], message, 'keep one; the first is used')
  }
  const spot = first && { value: first.value, path: [], resource: first, findings }
  const settings = (spot && DOCUMENT(spot)?.spec) ?? DEFAULT_SETTINGS
  if (!isCluster || hasMesh(first)) return settings
  return { ...settings, mesh: { ...settings.mesh, capture: 'none' } }
}

const hasMesh = (document?: Resource): boolean =>
  (document?.value as Partial<Document> | undefined)?.spec?.mesh !== undefined
