/** How connections end by what they say first: server names, STARTTLS, handshakes. */

import { hello, record } from '../support/hello.ts'
import { ending, readBytes } from '../support/sockets.ts'
import { handshake, postgres, refused, sends } from './endings-clients.ts'
import type { Kind } from './endings-kind.ts'

const SECURE = `tls: {mode: SIMPLE, credentialName: pair}`
const passed = 'protocol: TLS}, tls: {mode: PASSTHROUGH'
const SNI = 'match: [{sniHosts: [a.test]}], '

export const TLS_KINDS: readonly Kind[] = [
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
