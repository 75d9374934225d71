/**
 * Every way in which a connection ends that clients, servers and files can bring about: a listener
 * and a rule for each, and what a client does to end like that.
 */

import type { ReasonName } from '../../src/stats/reasons.ts'
import { hello, record } from '../support/hello.ts'
import { begin, ending, open, readBytes } from '../support/sockets.ts'
import { handshake, postgres, refused, sends, talked } from './endings-clients.ts'

/** The ports of servers that each behave in one way. */
export type Servers = Readonly<
  Record<
    | 'echo'
    | 'says'
    | 'resets'
    | 'deaf'
    | 'floods'
    | 'silent'
    | 'refuses'
    | 'closed'
    | 'hole'
    | 'secure'
    | 'plain'
    | 'leaves',
    number
  >
>

export type Kind = {
  readonly reason: ReasonName
  /** Who has ended it. */
  readonly by: 'client' | 'upstream' | 'weir'
  readonly to?: keyof Servers
  /** Parts of its resources, each in YAML's flow style. */
  readonly server?: string
  readonly annotations?: string
  readonly match?: string
  readonly routes?: 'tcp' | 'tls'
  readonly host?: string
  readonly policy?: string
  readonly policyAnnotations?: string
  readonly endpoint?: string
  /** A connection that is there first, and stays. */
  readonly isHeld?: boolean
  /** Whether no rule was asked. */
  readonly isBeforeRules?: boolean
  /** Whether an endpoint was tried. */
  readonly isDialed?: boolean
  /** What the same connection would get now; null: it would be dialed. */
  readonly now?: ReasonName | null
  /** Whether bytes were lost; absent: it depends on what weir had read by then. */
  readonly loses?: boolean
  /** What the test does to those that are open: a drain, a server that stops listening, an edit. */
  readonly endedBy?: 'drain' | 'check' | 'reload'
  /** The mesh's listener, not a gateway's. */
  readonly isMesh?: boolean
  /** Not many of these at once: handshakes, megabytes. */
  readonly isCostly?: boolean
  readonly act: (port: number, from: string) => Promise<unknown>
}

const SECURE = `tls: {mode: SIMPLE, credentialName: pair}`
const passed = 'protocol: TLS}, tls: {mode: PASSTHROUGH'
const SNI = 'match: [{sniHosts: [a.test]}], '

export const KINDS: readonly Kind[] = [
  {
    reason: 'client-closed',
    loses: false,
    by: 'client',
    act: async (...to) => {
      const socket = await talked(...to)
      socket.end()
      return await ending(socket)
    },
  },
  {
    reason: 'upstream-closed',
    loses: false,
    by: 'upstream',
    to: 'says',
    act: async (port, from) => {
      const socket = await open(port, '127.0.0.1', { localAddress: from })
      await ending(socket)
      socket.end()
    },
  },
  {
    reason: 'client-reset',
    loses: false,
    by: 'client',
    act: async (...to) => void (await talked(...to)).resetAndDestroy(),
  },
  { reason: 'upstream-reset', by: 'upstream', to: 'resets', act: refused },
  { reason: 'connect-refused', by: 'upstream', to: 'closed', act: refused },
  {
    reason: 'connect-timeout',
    by: 'upstream',
    to: 'hole',
    policy: 'connectionPool: {tcp: {connectTimeout: 50ms}}',
    act: refused,
  },
  { reason: 'connect-failed', by: 'upstream', endpoint: '224.0.0.1', act: refused },
  {
    reason: 'no-route',
    by: 'weir',
    match: 'match: [{port: 1}], ',
    isBeforeRules: true,
    now: 'no-route',
    act: refused,
  },
  {
    reason: 'source-limit',
    by: 'weir',
    annotations: 'gateway.weir/per-source: connections=1',
    isHeld: true,
    isBeforeRules: true,
    act: refused,
  },
  { reason: 'denied-by-policy', by: 'weir', now: 'denied-by-policy', isBeforeRules: true, act: refused },
  {
    reason: 'unknown-destination',
    by: 'weir',
    host: 'nobody.example',
    now: 'unknown-destination',
    isDialed: false,
    act: refused,
  },
  { reason: 'no-endpoint', by: 'weir', endpoint: '', now: 'no-endpoint', isDialed: false, act: refused },
  {
    reason: 'cluster-max-connections',
    by: 'weir',
    policy: 'connectionPool: {tcp: {maxConnections: 1}}',
    isHeld: true,
    isDialed: false,
    act: refused,
  },
  { reason: 'idle-timeout', by: 'weir', policy: 'connectionPool: {tcp: {idleTimeout: 50ms}}', act: refused },
  {
    reason: 'max-duration',
    by: 'weir',
    policy: 'connectionPool: {tcp: {maxConnectionDuration: 50ms}}',
    act: refused,
  },
  { reason: 'loop', by: 'weir', endpoint: 'itself', now: 'loop', isDialed: false, act: refused },
  {
    reason: 'client-stalled',
    by: 'client',
    to: 'floods',
    loses: true,
    isCostly: true,
    act: async (port, from) => {
      const socket = begin(port, '127.0.0.1', { localAddress: from })
      socket.pause()
      return socket
    },
  },
  {
    reason: 'upstream-stalled',
    by: 'upstream',
    to: 'deaf',
    loses: true,
    isCostly: true,
    act: async (port, from) => {
      const socket = await open(port, '127.0.0.1', { localAddress: from })
      const more = Buffer.alloc(262_144)
      const write = (): void => {
        while (!socket.destroyed && socket.write(more)) {}
      }
      socket.on('drain', write)
      write()
      return await ending(socket)
    },
  },
  { reason: 'drain', by: 'weir', endedBy: 'drain', act: refused },
  {
    reason: 'endpoint-down',
    by: 'weir',
    to: 'leaves',
    policyAnnotations: `gateway.weir/health-check: 'tcp;interval=1s;timeout=1s;fall=2;onDown=close'`,
    endedBy: 'check',
    now: 'no-endpoint',
    act: refused,
  },
  {
    reason: 'endpoint-removed',
    by: 'weir',
    policyAnnotations: `gateway.weir/on-remove: 'close;over=0s'`,
    endedBy: 'reload',
    now: 'no-endpoint',
    act: refused,
  },
  { reason: 'denied', by: 'weir', isMesh: true, isBeforeRules: true, now: 'denied', act: refused },
  { reason: 'proxy-invalid', by: 'weir', isBeforeRules: true, act: sends('GET / HTTP/1.1\r\n\r\n') },
  { reason: 'proxy-timeout', by: 'weir', isBeforeRules: true, act: sends('PROXY') },
  { reason: 'proxy-untrusted', by: 'weir', isBeforeRules: true, now: 'proxy-untrusted', act: refused },
  {
    reason: 'no-sni',
    by: 'weir',
    server: passed,
    routes: 'tls',
    match: SNI,
    isBeforeRules: true,
    act: sends(record(hello(null))),
  },
  {
    reason: 'not-tls',
    now: 'not-tls',
    by: 'weir',
    server: passed,
    routes: 'tls',
    match: SNI,
    isBeforeRules: true,
    act: sends('GET / HTTP/1.1\r\n\r\n'),
  },
  {
    reason: 'hello-too-large',
    by: 'weir',
    server: passed,
    routes: 'tls',
    match: SNI,
    isBeforeRules: true,
    act: sends(Buffer.concat([Buffer.from('160301400001020000', 'hex'), Buffer.alloc(17_000)])),
  },
  {
    reason: 'hello-timeout',
    by: 'weir',
    server: passed,
    routes: 'tls',
    match: SNI,
    isBeforeRules: true,
    act: sends(record(hello(null)).subarray(0, 20)),
  },
  {
    reason: 'starttls-refused',
    by: 'upstream',
    to: 'plain',
    server: passed,
    annotations: 'gateway.weir/starttls: postgres',
    routes: 'tls',
    match: SNI,
    act: postgres,
  },
  {
    reason: 'starttls-timeout',
    by: 'upstream',
    to: 'silent',
    server: passed,
    annotations: 'gateway.weir/starttls: postgres',
    routes: 'tls',
    match: SNI,
    policy: 'connectionPool: {tcp: {connectTimeout: 200ms}}',
    act: postgres,
  },
  {
    reason: 'tls-handshake',
    by: 'weir',
    server: `protocol: TLS}, ${SECURE}`.replace(/}$/, ''),
    isDialed: false,
    isBeforeRules: true,
    act: sends(record(hello(null))),
  },
  {
    reason: 'tls-client-certificate',
    isCostly: true,
    by: 'weir',
    server: 'protocol: TLS}, tls: {mode: MUTUAL, credentialName: pair',
    isBeforeRules: true,
    act: async (...to) => {
      const { above } = await handshake(...to)
      return await ending(above)
    },
  },
  {
    reason: 'tls-upstream-certificate',
    isCostly: true,
    by: 'upstream',
    to: 'secure',
    policy: 'tls: {mode: SIMPLE, credentialName: other, sni: www.example.com}',
    act: refused,
  },
  {
    reason: 'tls-timeout',
    by: 'weir',
    to: 'silent',
    policy:
      'connectionPool: {tcp: {connectTimeout: 1s}}, tls: {mode: SIMPLE, credentialName: other, sni: www.example.com}',
    act: refused,
  },
  {
    reason: 'tls-truncated',
    isCostly: true,
    by: 'weir',
    server: `protocol: TLS}, ${SECURE}`.replace(/}$/, ''),
    act: async (...to) => {
      const { raw, above } = await handshake(...to)
      above.write('hello')
      await readBytes(above, 5)
      raw.end()
      return await ending(raw)
    },
  },
]

/** The address of each kind's clients: `weir why` finds them by it. */
export const clientOf = (index: number): string => `127.1.0.${index + 1}`
