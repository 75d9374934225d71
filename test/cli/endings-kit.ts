/**
 * Every way in which a connection ends that clients, servers and files can bring about: a listener
 * and a rule for each, and what a client does to end like that.
 */

import { begin, ending, open } from '../support/sockets.ts'
import { refused, sends, talked } from './endings-clients.ts'
import type { Kind } from './endings-kind.ts'
import { TLS_KINDS } from './endings-tls.ts'

const PLAIN: readonly Kind[] = [
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
]

export const KINDS: readonly Kind[] = [...PLAIN, ...TLS_KINDS]

/** The address of each kind's clients: `weir why` finds them by it. */
export const clientOf = (index: number): string => `127.1.0.${index + 1}`
